// Asking again and again, politely: never two at once, not while nobody is looking, slower while it fails.

const FIRST_RETRY_MS = 1_000;
const SLOWEST_MS = 30_000;

/**
 * Run `task` now and then `interval()` ms after each end of it.
 * @returns {{soon: () => Promise<void>}} `soon` runs it at once (or once more, if it is running) and resolves after.
 */
export function poll(task, interval, onError) {
  let timer = 0;
  let running = null;
  let again = false;
  let failures = 0;

  async function run() {
    clearTimeout(timer);
    try {
      await task();
      failures = 0;
    } catch (error) {
      failures += 1;
      report(error);
    }
    running = null;
    if (again) {
      again = false;
      return start();
    }
    if (!document.hidden) {
      timer = setTimeout(start, failures ? Math.min(FIRST_RETRY_MS * 2 ** failures, SLOWEST_MS) : interval());
    }
    return undefined;
  }

  /** A fault of the page itself goes to the console; it must not be the last thing that this loop does. */
  function report(error) {
    if (error.sentence) onError(error);
    else reportError(error);
  }

  function start() {
    if (!running) running = run();
    return running;
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else start();
  });
  addEventListener("online", start);
  start();

  return {
    soon() {
      if (running) again = true;
      return start();
    },
  };
}
