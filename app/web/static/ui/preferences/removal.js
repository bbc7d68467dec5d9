// Taking something away that could not be brought back: only after a moment in which one may think better of it.

const THINKING_MS = 8000;

/** `finish(keepalive)` is called when the time is over, or the page is being left; `changed` when it has begun. */
export function removal(notice, finish, changed) {
  let timer = null;
  const state = {
    get isUnderWay() {
      return timer !== null;
    },
    begin() {
      timer = setTimeout(() => over(false), THINKING_MS);
      changed();
      notice.querySelector('button').focus();
    },
    end() {
      clearTimeout(timer);
      timer = null;
    },
  };

  function over(keepalive) {
    state.end();
    finish(keepalive);
  }

  addEventListener('pagehide', () => { if (timer !== null) over(true); });
  return state;
}
