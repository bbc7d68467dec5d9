// Asking again every few seconds, but not while nobody looks.

/** Run `look` at once and every `seconds`, one at a time, until the signal; paused while the page is hidden. */
export function polling(look, seconds, signal) {
  let timer = null;
  let running = false;
  const run = async () => {
    clearTimeout(timer);
    if (running || signal.aborted || document.hidden) return;
    running = true;
    try {
      await look();
    } finally {
      running = false;
      if (!signal.aborted && !document.hidden) timer = setTimeout(run, seconds * 1000);
    }
  };
  document.addEventListener('visibilitychange', run, { signal });
  signal.addEventListener('abort', () => clearTimeout(timer));
  run();
}
