// Every word that the pages say, in one place. A translation is this file with other words and the same names.

export const LANGUAGE = "en";

const plural = new Intl.PluralRules(LANGUAGE);
const number = new Intl.NumberFormat(LANGUAGE);
const count = (n, one, other) => `${number.format(n)} ${plural.select(n) === "one" ? one : other}`;

export const text = {
  unreachable: "Nothing answers right now. This page keeps trying.",
  tryAgain: "Try again",
  help: "Help",
  dismiss: "Dismiss",
  close: "Close",
  cancel: "Cancel",
  save: "Save",
  code: (code) => `Code: ${code}`,
  signedInAs: (person) => `Signed in as ${person}`,
  justNow: "just now",
  never: "not yet",

  providers: {
    google: {
      name: "Google Calendar",
      short: "Google",
      signIn: "Sign in with Google",
      invite: "Connect the calendar you already use. You choose the account on Google’s own page.",
      another: "Do you use a second Google account?",
      permissions: "https://myaccount.google.com/permissions",
    },
  },

  card: {
    connected: "Connected",
    notConnected: "Not connected",
    copying: "Copying events",
    pending: "Waiting for you",
    reconnect: "Sign in again",
    disconnecting: "Disconnecting",
    problem: "Needs attention",
    opening: (provider) => `Opening ${provider}…`,
    lastSync: "Last sync",
    arrival: "Changes arrive",
    push: "At once, by push",
    polling: "By regular checks",
    calendars: "Calendars",
    loadingCalendars: "Loading calendars…",
    main: "Main booking calendar",
    bookings: "Bookings added",
    busy: "Busy time",
    readOnly: "Read only",
    unsynced: "Not kept in step",
    unnamed: "Calendar without a name",
    firstSync: "Copying what is already in your calendar",
    progress(done, total) {
      if (total !== null) return `${number.format(done)} of ${count(total, "event", "events")}`;
      return done > 0 ? count(done, "event", "events") : "just starting";
    },
    reconnectWhy: "Lockstep can no longer reach this calendar. Sign in again and it catches up by itself; nothing is lost.",
  },

  actions: {
    sync: "Sync now",
    syncing: "Looking…",
    synced: "Your calendar was just looked at.",
    test: "Send a test booking",
    testing: "Sending…",
    testSent: (when) => `A test booking for ${when} is on its way to your main calendar. Your reminder rings before it; you can delete it any time.`,
    disconnect: "Disconnect",
  },

  consent: {
    finishing: "Finishing the connection…",
    connected: (provider, account) => `${provider} is connected${account ? ` as ${account}` : ""}. Your bookings and your calendar are now kept in step.`,
    failed: "The account could not be connected.",
  },

  disconnect: {
    title: (account) => `Disconnect ${account}?`,
    intro: "Changes stop at once in both directions, and Lockstep erases its access. What is already there, you decide:",
    imported: "Events from your calendar that were copied into the app",
    importedKeep: "Keep them in the app",
    importedDelete: "Delete them from the app",
    exported: (provider) => `Bookings that were written to your ${provider} calendar`,
    exportedKeep: "Keep them in the calendar",
    exportedDelete: "Delete them from the calendar",
    confirm: "Disconnect",
    working: "Disconnecting…",
    counted: (n) => `(${number.format(n)})`,
    done: (account) => `${account} is disconnected`,
    goingOn: (account) => `${account} is being disconnected`,
    stillWorking: "There is more to clear up. It goes on by itself, also when you close this.",
    revoked: (provider) => `${provider} has withdrawn Lockstep’s access.`,
    notRevoked: (provider) => `${provider} was not asked, or could not be asked, to withdraw access. Lockstep has erased its own key all the same.`,
    revokeUnsupported: (provider) => `${provider} offers no way for an app to withdraw its own access. Lockstep has erased its own key.`,
    openPermissions: (provider) => `Open your ${provider} account`,
    erased: "Every token, link, sync position and permission kept here was erased.",
  },

  /** What a receipt counts; only numbers above zero are said. */
  receipt: {
    subscriptions_stopped: (n, provider) => `${count(n, "push subscription", "push subscriptions")} at ${provider} stopped.`,
    subscriptions_not_stopped: (n, provider) => `${count(n, "push subscription", "push subscriptions")} at ${provider} could not be stopped; ${provider} lets them expire by themselves and what they say is ignored.`,
    events_deleted_here: (n) => `${count(n, "event", "events")} deleted from the app.`,
    events_deleted_there: (n, provider) => `${count(n, "booking", "bookings")} deleted from your ${provider} calendar.`,
    events_not_deleted_there: (n, provider) => `${count(n, "booking", "bookings")} could not be deleted from your ${provider} calendar; please delete them there.`,
    links_erased: (n) => `${count(n, "link", "links")} between events erased.`,
  },

  calendar: {
    app: "Your app",
    notConnected: "Google Calendar is not connected yet.",
    connect: "Connect it",
    firstSync: "Google Calendar is being copied; rows fill in as they come.",
    realGoogle: "This is the real Google: change something in your calendar there, and watch it arrive on the left.",
    openGoogle: "Open calendar.google.com",
    noAccount: (account) => `The simulator has no account ${account}.`,
    add: "Add",
    title: "Title",
    start: "Start",
    minutes: "Minutes",
    repeat: "Repeat",
    once: "Never",
    daily: "Daily",
    weekly: "Weekly",
    proposal: { app: "Appointment", google: "Coffee with Sam" },
    untitled: "(no title)",
    withheld: "Title hidden",
    today: "Today",
    tomorrow: "Tomorrow",
    allDay: "All day",
    series: "Series",
    private: "Private",
    later: "+1 h",
    laterAllDay: "+1 day",
    renameRow: (title) => `Rename “${title}”`,
    laterRow: (title) => `Move “${title}” one hour later`,
    laterOne: (title) => `Move only this “${title}” one hour later`,
    removeRow: (title) => `Delete “${title}”`,
    removeOne: (title) => `Cancel only this “${title}”`,
    wholeSeries: (title) => `Whole series “${title}”`,
    renameSeries: "Rename the series",
    laterSeries: "Move the series one hour later",
    removeSeries: "Delete the series",
    newTitle: "New title",
    waiting: "on its way…",
    late: "not there yet",
    arrived: (seconds) => `arrived after ${seconds}`,
    gone: (seconds) => `removed after ${seconds}`,
    seconds: (value) => `${value.toFixed(1)} s`,
    announce: (title, side, seconds) => `“${title}” reached ${side} after ${seconds}.`,
    announceGone: (title, side, seconds) => `“${title}” was removed from ${side} after ${seconds}.`,
    directions: { app: "Your app → Google", google: "Google → your app" },
    kinds: { create: "New", change: "Changed", delete: "Deleted" },
    lastAndMedian: (last, median, n) => `${last} · median ${median} (${n}×)`,
    noneYet: "–",
  },

  helpPage: {
    none: "There is no entry for this code yet.",
  },

  /** What a code means, for answers that bring a code without a sentence, and for the help page. */
  problems: {
    unknown: "Something went wrong on the other side. Please try again.",
    unreachable: "The service did not answer. Check your connection; the page keeps trying by itself.",
    starting: "The service is still starting. The page keeps trying by itself.",

    // Connecting
    consent_denied: "You did not allow the access on the sign-in page, so nothing was connected. Try again when you are ready.",
    scope_missing: "A tick was taken off on the sign-in page. Lockstep needs each of them to keep the calendar in step. Try again and leave them ticked.",
    provider_error: "The provider broke off the sign-in, or the account’s administrator does not allow this app. Try again; if it stays, ask the administrator.",
    sign_in_incomplete: "The sign-in came back incomplete. Start again from this page.",
    code_refused: "The sign-in took too long or was used twice. Start again from this page.",
    state_invalid: "This sign-in was not started here. Start again from this page.",
    state_used: "This sign-in was used already. Start again from this page.",
    state_expired: "The sign-in took too long. Start again from this page.",
    confirmation_expired: "The sign-in took too long. Sign in again.",
    confirmation_wrong: "This confirmation does not belong to this sign-in. Sign in again.",
    not_awaiting_confirmation: "This connection was confirmed already, or the link was used twice. If the card below says Connected, all is well.",
    return_to_not_allowed: "This page’s address is not on the list of allowed addresses. Whoever runs the service can add it to AllowedOrigins.",

    // A connection in trouble
    consent_revoked: "The access was withdrawn in the account’s own settings, or has expired. Sign in again and it catches up by itself.",
    admin_policy: "The administrator of this account does not allow this app. Ask for it to be allowed, then sign in again.",
    sign_in_again: "The administrator of this account asks for a fresh sign-in. Sign in again.",
    token_refused: "The provider keeps refusing this account. Sign in again.",
    grant_unreadable: "The stored permission can no longer be read. Sign in again.",
    grant_missing: "There is no stored permission. Sign in again.",
    not_active: "This connection is not active. Sign in to the account again.",
    calendar_gone: "This calendar is no longer in the account, or the account lost access to it. Choose another, or restore it at the provider.",
    not_watchable: "The provider does not report changes of this calendar, so it is looked at regularly instead. Nothing needs to be done.",
    rate_limit: "The provider asks to slow down. It goes on by itself.",
    provider_busy: "The provider asks to wait a little. It goes on by itself.",

    // Calendars and events
    no_booking_calendar: "No calendar of this connection takes bookings. Choose one first.",
    read_only_calendar: "You may only read this calendar. Change the event where it was made, or ask its owner for more rights.",
    main_needed: "One main booking calendar is always needed. Choose another one instead.",
    invalid_request: "Something in the form is not right; the message names it.",
    version_conflict: "It was changed elsewhere in the meantime. Look at it again and repeat your change.",
    changed_meanwhile: "Somebody else changed it at the same moment. Try again.",
    not_found: "It is no longer there, or it belongs to somebody else. It may have been removed in another window.",

    // The service
    internal: "Something went wrong in the service. Try again; if it stays, ask for help and name this code.",
    store_busy: "The service is busy. Try again in a moment.",
    upstream_unreachable: "The service cannot be reached right now. The page keeps trying by itself.",
    upstream_slow: "The service took too long to answer. Try again.",
    upstream_failed: "The service failed on this request. Its log says why.",
    http_401: "Your session has ended. Reload the page to sign in again.",
    http_429: "That was a lot at once. Wait a moment, then try again.",
  },
};
