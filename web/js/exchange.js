// Which side changed, when, and how long the others took. Pure: it is told what each side shows and what time it is.
//
// A provider's side follows the app's and the app follows each provider's; two providers never follow each other.
//
// A change is recognised by its effect on what a row shows (its `print`: title and times), so no id has to be known on
// both sides. What the person does on this page is announced (`expect`) at the moment of the click, before anybody can
// have seen it; what is done elsewhere counts from the look that found it.

const PATIENCE_MS = 120_000;
const AFTERGLOW_MS = 8_000;
const APP = "app";
const follows = (side, other) => side !== other && (side === APP || other === APP);

/** What a person would compare: private rows by their times alone, since their text stays where it was written. */
export function print(row) {
  return JSON.stringify([row.private ? "" : row.title, row.start, row.end]);
}

export class Exchange {
  /** @param {string[]} sides "app" and the providers' names */
  constructor(sides) {
    this.rows = Object.fromEntries(sides.map((side) => [side, null]));
    this.open = [];
    this.answered = [];
    this.measured = [];
  }

  /** Announce a change made on `side` at `at`: prints that will appear there and prints that will vanish. */
  expect(side, { kind, appears = [], vanishes = [] }, at) {
    const expectation = { side, kind, appears: new Set(appears), vanishes: new Set(vanishes), at, answeredBy: new Map() };
    this.open.push(expectation);
    return expectation;
  }

  /** The announced change was refused after all. */
  withdraw(expectation) {
    this.open = this.open.filter((each) => each !== expectation);
  }

  /** Tell what `side` shows at `at`. Returns the arrivals that this look found. */
  observe(side, rows, at) {
    const before = this.rows[side];
    this.rows[side] = new Map(rows.map((row) => [row.key, row]));
    this.open = this.open.filter((each) => at - each.at < PATIENCE_MS && !isOver(each, at));
    this.answered = this.answered.filter((each) => at - each.at < AFTERGLOW_MS);
    if (!before) return [];
    const arrivals = [];
    for (const change of changes(before, this.rows[side])) {
      const expectation = this.open.find((each) => follows(side, each.side) && matches(each, change));
      if (expectation) arrivals.push(this.#answer(side, expectation, change, at));
      else this.#origin(side, change, at);
    }
    return arrivals;
  }

  #answer(side, expectation, change, at) {
    const arrival = { side, kind: expectation.kind, seconds: (at - expectation.at) / 1000, at, ...change };
    if (!expectation.answeredBy.has(side)) {
      expectation.answeredBy.set(side, at);
      this.measured.push({ from: expectation.side, to: side, kind: expectation.kind, seconds: arrival.seconds });
    }
    this.answered.push(arrival);
    return arrival;
  }

  /** A change that began here: announced already (then it may tell more of itself), or made elsewhere. */
  #origin(side, change, at) {
    const own = this.open.find((each) => each.side === side && matches(each, change));
    if (own) {
      for (const each of change.appears) own.appears.add(each);
      for (const each of change.vanishes) own.vanishes.add(each);
      return;
    }
    const others = Object.keys(this.rows).filter((other) => follows(other, side) && this.rows[other]);
    if (others.length === 0 || others.some((other) => this.#alreadyThere(other, change))) return;
    this.expect(side, change, at);
  }

  #alreadyThere(side, change) {
    const prints = new Set([...this.rows[side].values()].map(print));
    return change.appears.every((each) => prints.has(each)) && change.vanishes.every((each) => !prints.has(each));
  }

  /** The expectation that a row of `side` is the cause of and that is not answered yet. */
  waitingFor(side, row) {
    return this.open.find((each) => each.side === side && each.answeredBy.size === 0 && each.appears.has(print(row)));
  }

  /** The arrival that a row of `side` is the fresh result of. */
  arrivalOf(side, row) {
    return this.answered.findLast((each) => each.side === side && each.kind !== "delete" && each.keys.has(row.key));
  }

  /** Rows that have just been removed from `side` because of the other. */
  ghosts(side) {
    return this.answered.filter((each) => each.side === side && each.kind === "delete").flatMap((each) => each.gone.map((row) => ({ ...row, arrival: each })));
  }

  /** `{last, median, n}` in seconds of what went from one side to another, or null. */
  latency(from, to, kind) {
    const found = this.measured.filter((each) => each.from === from && each.to === to && each.kind === kind);
    const seconds = found.map((each) => each.seconds);
    if (seconds.length === 0) return null;
    const sorted = [...seconds].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    return { last: seconds.at(-1), median, n: seconds.length };
  }
}

/** Answered, and so long ago that its echoes are over. */
function isOver(expectation, at) {
  const answers = [...expectation.answeredBy.values()];
  return answers.length > 0 && at - Math.max(...answers) > AFTERGLOW_MS;
}

/** What differs between two looks at one side, one change per event: a series that moves is one change. */
function changes(before, after) {
  const found = new Map();
  const of = (row) => {
    if (!found.has(row.event)) found.set(row.event, { made: 0, changed: 0, appears: [], vanishes: [], keys: new Set(), gone: [] });
    return found.get(row.event);
  };
  for (const [key, row] of after) {
    const old = before.get(key);
    if (old && print(old) === print(row)) continue;
    const change = of(row);
    change.appears.push(print(row));
    change.keys.add(key);
    if (old) {
      change.changed += 1;
      change.vanishes.push(print(old));
    } else {
      change.made += 1;
    }
  }
  for (const [key, row] of before) {
    if (after.has(key)) continue;
    const change = of(row);
    change.vanishes.push(print(row));
    change.gone.push(row);
  }
  return [...found.values()].map(({ made, changed, ...change }) => ({ kind: kindOf(made, changed, change.gone.length), ...change }));
}

function kindOf(made, changed, gone) {
  if (changed || (made && gone)) return "change";
  return made ? "create" : "delete";
}

function matches(expectation, change) {
  if (change.appears.some((each) => expectation.appears.has(each))) return true;
  const removal = expectation.appears.size === 0 && change.appears.length === 0;
  return removal && change.vanishes.some((each) => expectation.vanishes.has(each));
}
