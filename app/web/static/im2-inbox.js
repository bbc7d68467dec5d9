// <im2-inbox>: a bell with the number of unread notifications, and the inbox behind it, live in any page.
// One file without dependencies; docs/inbox.md says how to embed it. All text is set as text, never as markup.

const PAGE_SIZE = 20;
const FAILURES_BEFORE_POLLING = 3;
const LONGEST_WAIT_MS = 30_000;
const TICK_MS = 15_000;
const MOST_SHOWN = 99;
const RTL = new Set(['ar', 'fa', 'he', 'ur']);
const FILTERS = {
  all: { state: 'all', has: (item) => !item.archived },
  unread: { state: 'unread', has: (item) => !item.read && !item.archived },
  read: { state: 'read', has: (item) => item.read && !item.archived },
  archived: { state: 'archived', has: (item) => item.archived },
};
// The end of a type says what happened; what is not listed goes by its priority.
const KINDS = {
  'job.completed': 'completed', 'job.failed': 'failed', 'job.progress': 'progress', 'system.error': 'error',
  'system.warning': 'warning', 'quota.exceeded': 'exceeded', 'quota.approaching': 'approaching', digest: 'digest',
};
const TONES = {
  completed: 'good', failed: 'bad', error: 'bad', exceeded: 'bad', critical: 'bad', warning: 'warn', approaching: 'warn',
  high: 'warn',
};
const BELL = 'M12 2a2 2 0 0 0-2 2v.3A6 6 0 0 0 6 10v4.6L4.3 17a1 1 0 0 0 .8 1.6h13.8a1 1 0 0 0 .8-1.6L18 14.6V10a6 6 0 0 0-4-5.7V4a2 2 0 0 0-2-2Zm-2.6 18a2.7 2.7 0 0 0 5.2 0Z';
const CROSS = 'm5.6 7 1.4-1.4 5 5 5-5L18.4 7l-5 5 5 5-1.4 1.4-5-5-5 5L5.6 17l5-5Z';
const RING = 'M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Z';
const ICONS = {
  good: `${RING}M10.6 16.4l-4-4 1.4-1.4 2.6 2.6 5.4-5.4 1.4 1.4Z`,
  bad: `${RING}M11 6.5h2v7h-2Zm0 9h2v2h-2Z`,
  warn: 'M12 2.5 1.5 21h21ZM11 10h2v5h-2Zm0 6.5h2v2h-2Z',
  plain: `${RING}M11 10.5h2v7h-2Zm0-4h2v2h-2Z`,
  progress: `${RING}M11 6h2v5.6l3.4 2-1 1.7L11 12.7Z`,
};
const ENGLISH = {
  locale: 'en',
  words: {
    notifications: 'Notifications', show: 'Show', all: 'All', unread: 'Unread', read: 'Read', archived: 'Archived',
    mark_read: 'Mark as read', mark_unread: 'Mark as unread', archive: 'Archive', unarchive: 'Move back to the inbox',
    read_all: 'Mark all as read', older: 'Show older', again: 'Try again', close: 'Close', loading: 'Loading…',
    empty_all: 'No notifications yet.', empty_unread: "You're all caught up.",
    empty_read: 'Nothing has been read yet.', empty_archived: 'The archive is empty.',
    away: "Can't reach the service right now. Try again in a moment.",
    undone: "This couldn't be saved. Nothing has changed.", kind_completed: 'Completed', kind_failed: 'Failed',
    kind_progress: 'In progress', kind_error: 'System error', kind_warning: 'System warning',
    kind_exceeded: 'Quota exceeded', kind_approaching: 'Quota nearly used up', kind_digest: 'Digest',
    priority_low: 'Low', priority_normal: 'Normal', priority_high: 'High', priority_critical: 'Critical',
  },
  plurals: {
    bell: { other: 'Notifications, {count} unread' },
    repeated: { one: 'This happened {count} time.', other: 'This happened {count} times.' },
  },
};
const CSS = `
:host { display: inline-block; color-scheme: light dark; font: 1rem/1.45 var(--im2-font, inherit); text-align: start; }
:host([hidden]) { display: none; }
:host([panel="inline"]) { display: block; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
.root {
  --text: var(--im2-text, light-dark(#1b2430, #e8edf3)); --quiet: var(--im2-quiet, light-dark(#55606e, #a9b4c1));
  --card: var(--im2-background, light-dark(#ffffff, #1c2229)); --sunk: var(--im2-hover, light-dark(#f3f6f9, #262e37));
  --line: var(--im2-line, light-dark(#d9dfe7, #3a4551)); --accent: var(--im2-accent, light-dark(#1f5aa8, #8fbcf7));
  --bad: var(--im2-bad, light-dark(#b3261e, #ff9b92)); --warn: var(--im2-warn, light-dark(#8a5300, #f3c27a));
  --good: var(--im2-good, light-dark(#1b6e3c, #7fd6a0)); --badge: var(--im2-badge, #b3261e);
  position: relative; color: var(--text);
}
button { font: inherit; color: inherit; cursor: pointer; border: 0; background: none; border-radius: var(--im2-radius, 6px); }
button:focus-visible, a:focus-visible, .panel:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px; }
svg { display: block; width: 1.5rem; height: 1.5rem; fill: currentColor; fill-rule: evenodd; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.bell { position: relative; display: grid; place-items: center; width: 44px; height: 44px; padding: 0; }
.bell:hover, .quiet-button:hover { background: var(--sunk); }
.badge { position: absolute; inset-block-start: 1px; inset-inline-start: 23px; min-width: 19px; padding: 0 5px;
  border-radius: 10px; background: var(--badge); color: #fff; font-size: 0.75rem; font-weight: 700; line-height: 19px; text-align: center; }
.panel { background: var(--card); border: 1px solid var(--line); border-radius: var(--im2-radius, 10px); overflow: hidden; }
.floating { position: absolute; z-index: var(--im2-layer, 1000); inset-block-start: calc(100% + 6px); inset-inline-end: 0;
  display: flex; flex-direction: column; width: min(26rem, calc(100vw - 24px)); max-height: min(38rem, 80vh); box-shadow: 0 8px 30px rgb(0 0 0 / 25%); }
.floating.flipped { inset-inline: 0 auto; }
.head, .filters { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 8px; padding: 10px 14px; }
.filters { padding-block-start: 0; border-block-end: 1px solid var(--line); }
.inline .filters { padding-block-start: 10px; }
.head { position: relative; padding-block: 6px; padding-inline-end: 54px; }
.heading { flex: 1 1 auto; margin: 0; font-size: 1.0625rem; font-weight: 700; line-height: 44px; }
.close { position: absolute; inset-block-start: 6px; inset-inline-end: 6px; }
.head .quiet-button { margin-inline-start: -10px; }
.quiet-button { min-height: 32px; padding: 4px 10px; color: var(--accent); font-size: 0.875rem; font-weight: 600; }
.quiet-button:disabled { color: var(--quiet); opacity: 0.6; cursor: default; background: none; }
.spring { flex: 1 1 auto; }
.filter { color: var(--text); border: 1px solid transparent; }
.filter[aria-pressed="true"] { background: color-mix(in srgb, var(--accent) 14%, transparent); border-color: var(--accent); }
.scroll { overflow-y: auto; overscroll-behavior: contain; }
ul { margin: 0; padding: 0; list-style: none; }
li { position: relative; display: grid; grid-template-columns: 24px minmax(0, 1fr); gap: 0 10px; padding: 12px 14px 8px; border-block-end: 1px solid var(--line); }
li:last-child { border-block-end: 0; }
li.unread { background: color-mix(in srgb, var(--accent) 7%, transparent); box-shadow: inset 4px 0 0 var(--accent); }
:dir(rtl) li.unread { box-shadow: inset -4px 0 0 var(--accent); }
.icon, .kind { color: var(--quiet); }
.bad .icon, .bad .kind { color: var(--bad); }
.warn .icon, .warn .kind { color: var(--warn); }
.good .icon, .good .kind { color: var(--good); }
.meta { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 12px; font-size: 0.8125rem; }
.kind { font-weight: 600; }
time { color: var(--quiet); }
.title { display: block; width: fit-content; max-width: 100%; min-height: 24px; padding: 0; color: var(--text); text-align: start; text-decoration: none; overflow-wrap: anywhere; }
.unread .title { font-weight: 700; }
.title:hover { text-decoration: underline; }
a.title { text-decoration: underline; text-decoration-color: var(--line); text-underline-offset: 3px; }
.text, .repeated { margin: 2px 0 0; color: var(--quiet); font-size: 0.875rem; text-align: match-parent; overflow-wrap: anywhere; white-space: pre-line; }
.text { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 4; overflow: hidden; }
progress { width: 100%; height: 8px; margin-block-start: 8px; accent-color: var(--accent); }
.actions { display: flex; flex-wrap: wrap; gap: 0 4px; margin-inline-start: -10px; margin-block-start: 2px; }
.empty, .notice { margin: 0; padding: 32px 16px; color: var(--quiet); text-align: center; }
.notice { display: flex; flex-wrap: wrap; align-items: center; justify-content: center; gap: 4px 8px; padding: 10px 14px; color: var(--bad); border-block-end: 1px solid var(--line); }
.older { display: block; width: 100%; min-height: 44px; }
@media (max-width: 480px) {
  .floating { position: fixed; inset: var(--below, 56px) 8px auto !important; width: auto; max-height: calc(100dvh - var(--below, 56px) - 8px); }
}
@media (prefers-reduced-motion: no-preference) { .floating { animation: open 120ms ease-out; } @keyframes open { from { opacity: 0; transform: translateY(-4px); } } }
@media (forced-colors: active) {
  .badge, .quiet-button { border: 1px solid; }
  .actions { gap: 4px; margin-inline-start: 0; margin-block-start: 6px; }
  li.unread { padding-inline-start: 10px; border-inline-start: 4px solid Highlight; }
  .filter[aria-pressed="true"] { border-color: Highlight; outline: 2px solid Highlight; }
}`;

let sheet;
const styles = () => {
  if (!sheet) (sheet = new CSSStyleSheet()).replaceSync(CSS);
  return sheet;
};

/** An answer that is an error; `status` is 0 when there was none. */
class Refused extends Error {
  constructor(status) {
    super(`status ${status}`);
    this.status = status;
  }
}

/** The sentences of a language, and its ways to write numbers and moments. */
class Words {
  #given;
  #plural;
  #numbers;
  #relative;
  #exact;

  constructor(given, wanted) {
    this.#given = given;
    // The reader's region counts, if it is of the language of the sentences.
    const locale = wanted.split('-')[0] === given.locale.split('-')[0] ? wanted : given.locale;
    this.locale = given.locale;
    this.direction = RTL.has(given.locale.split('-')[0]) ? 'rtl' : 'ltr';
    this.#plural = new Intl.PluralRules(given.locale);
    this.#numbers = new Intl.NumberFormat(locale);
    this.#relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
    this.#exact = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'short' });
  }

  static async of(base, wanted) {
    try {
      const answer = await fetch(new URL(`ui/words/inbox/${encodeURIComponent(wanted)}.json`, base), { credentials: 'omit' });
      if (answer.ok) return new Words(await answer.json(), wanted);
    } catch {
      // English is better than nothing.
    }
    return new Words(ENGLISH, wanted);
  }

  say(name) {
    return this.#given.words[name] ?? ENGLISH.words[name];
  }

  count(name, number) {
    const forms = this.#given.plurals[name];
    return (forms[this.#plural.select(number)] ?? forms.other).replace('{count}', this.#numbers.format(number));
  }

  number(value) {
    return this.#numbers.format(value);
  }

  exact(iso) {
    return this.#exact.format(new Date(iso));
  }

  ago(iso) {
    // A clock that is a little behind the service's must not speak of the future.
    const seconds = Math.min(0, Math.round((Date.parse(iso) - Date.now()) / 1000));
    const spans = [['year', 31_536_000], ['month', 2_592_000], ['day', 86_400], ['hour', 3600], ['minute', 60]];
    const [unit, size] = spans.find(([, length]) => -seconds >= length) ?? ['second', 1];
    return this.#relative.format(-seconds < 10 ? 0 : Math.trunc(seconds / size), unit);
  }
}

/** The public API, as the cookie of this origin or a token that the page hands in opens it. */
class Api {
  #base;
  #provide;
  #token = null;
  #csrf = null;
  #signal;

  constructor(base, provide, signal) {
    this.#base = base;
    this.#provide = provide;
    this.#signal = signal;
  }

  /** The id of who is asking. */
  async who() {
    const session = await this.#call('GET', 'ui/session');
    this.#csrf = session.csrf_token;
    return session.id;
  }

  page(user, state, cursor) {
    const query = new URLSearchParams({ state, limit: PAGE_SIZE, ...(cursor ? { cursor } : {}) });
    return this.#call('GET', `inbox/${encodeURIComponent(user)}?${query}`);
  }

  change(user, id, wanted) {
    return this.#call('PATCH', `inbox/${encodeURIComponent(user)}/${encodeURIComponent(id)}`, wanted);
  }

  readAll(user) {
    return this.#call('POST', `inbox/${encodeURIComponent(user)}/read-all`);
  }

  /** The address of the stream; a page that has a token puts a ticket in it, never the token. */
  async streamUrl(user, after) {
    const url = new URL(`inbox/${encodeURIComponent(user)}/stream`, this.#base);
    if (after !== null) url.searchParams.set('last_event_id', after);
    if (this.#provide) {
      const { ticket } = await this.#call('POST', `inbox/${encodeURIComponent(user)}/ticket`);
      url.searchParams.set('ticket', ticket);
    }
    return url;
  }

  async #call(method, path, body) {
    for (let attempt = 0; ; attempt += 1) {
      const answer = await this.#send(method, path, body);
      if (answer.ok) return answer.json();
      if (attempt > 0 || ![401, 403].includes(answer.status)) throw new Refused(answer.status);
      // The token has expired, or the session is another one now: once more with what counts now.
      this.#token = this.#csrf = null;
    }
  }

  async #send(method, path, body) {
    const headers = { Accept: 'application/json' };
    if (body) headers['Content-Type'] = 'application/json';
    if (this.#provide) headers.Authorization = `Bearer ${(this.#token ??= await this.#provide())}`;
    else if (method !== 'GET') {
      if (this.#csrf === null) await this.who();
      headers['X-CSRF-Token'] = this.#csrf;
    }
    const credentials = this.#provide ? 'omit' : 'same-origin';
    try {
      return await fetch(new URL(path, this.#base), { method, headers, credentials, signal: this.#signal, body: body && JSON.stringify(body) });
    } catch {
      throw new Refused(0);
    }
  }
}

/** What is known of the inbox: items as the service told them, with what was changed here and is not confirmed yet. */
class Store {
  #items = new Map();
  #own = new Map();
  #told = 0;
  #unread = null;
  #lists = Object.fromEntries(Object.keys(FILTERS).map((name) => [name, { cursor: null, last: null, loaded: false }]));

  /** How many are unread; null while nobody has said. */
  get unread() {
    if (this.#unread === null) return null;
    const unread = (item) => Number(FILTERS.unread.has(item));
    let count = this.#unread;
    for (const [id, own] of this.#own) {
      const item = this.#items.get(id);
      if (item) count += unread({ ...item, ...own }) - unread(item);
    }
    return Math.max(0, count);
  }

  /** Take a number of unread ones from an answer, unless the stream has told another one since it was asked for. */
  count(unread, toldBefore) {
    if (this.#told === toldBefore) this.#unread = unread;
  }

  /** The same from the stream, which is never older than any answer. */
  hearCount(unread) {
    this.#told += 1;
    this.#unread = unread;
  }

  /** How often the stream has told a number. */
  get told() {
    return this.#told;
  }

  /** Take an item in unless a newer state of it is known; true when it was not known at all. */
  put(item) {
    const known = this.#items.get(item.id);
    if (known && Date.parse(known.updated_at) > Date.parse(item.updated_at)) return false;
    this.#items.set(item.id, item);
    return !known;
  }

  /** Take in a page that was asked for when the stream had told `told` numbers. */
  addPage(filter, { items, unread_count: unread, next_cursor: cursor }, { told, isFirst }) {
    const { loaded, cursor: further, last } = this.#lists[filter];
    const oldest = [...items].sort(newestFirst).at(-1) ?? null;
    // What was loaded behind a first page stays, if it still follows it without a gap.
    const goesOn = isFirst && loaded && oldest !== null && this.#items.has(oldest.id) && (!last || newestFirst(oldest, last) <= 0);
    for (const item of items) this.put(item);
    this.count(unread, told);
    this.#lists[filter] = goesOn ? { cursor: further, last, loaded } : { cursor, last: oldest, loaded: true };
  }

  listOf(filter) {
    return this.#lists[filter];
  }

  /** The items of a filter as far as they are loaded without a gap, the newest first. */
  shown(filter) {
    const { cursor, last } = this.#lists[filter];
    const items = [...this.#items.values()].filter((item) => !cursor || newestFirst(item, last) <= 0);
    return items.map((item) => ({ ...item, ...this.#own.get(item.id) })).filter(FILTERS[filter].has).sort(newestFirst);
  }

  /** Change an item here before the service has said yes; `drop` takes it back. */
  assume(id, wanted) {
    this.#own.set(id, { ...this.#own.get(id), ...wanted });
  }

  drop(id) {
    this.#own.delete(id);
  }

  get unreadIds() {
    return [...this.#items.values()].filter(FILTERS.unread.has).map((item) => item.id);
  }
}

const newestFirst = (a, b) => Date.parse(b.created_at) - Date.parse(a.created_at) || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);

/** One connection that stays: opened again with the last id after every end, and polling while it can't be had. */
class Stream {
  #source = null;
  #timer = null;
  #poll = null;
  #failures = 0;
  #stopped = false;
  #options;

  /** `address(after)` gives its URL; told are `item`, `unread`, `fresh` (when it began from now on), `mode`; `poll()`. */
  constructor(options) {
    this.#options = options;
    this.after = options.after;
    this.#connect();
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearInterval(this.#poll);
    this.#source?.close();
  }

  /** Try at once, as when the network is back. */
  hurry() {
    if (this.#source || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  async #connect() {
    this.#timer = null;
    const isFresh = this.after === null;
    let url;
    try {
      url = await this.#options.address(this.after);
    } catch {
      if (!this.#stopped) this.#fail();
      return;
    }
    if (this.#stopped || this.#source) return;
    const source = (this.#source = new EventSource(url));
    let opened = false;
    source.addEventListener('notification', (event) => {
      this.after = event.lastEventId;
      this.#options.item(JSON.parse(event.data), this.after);
    });
    source.addEventListener('unread', (event) => {
      this.after = event.lastEventId;
      if (!opened) this.#succeed();
      this.#options.unread(JSON.parse(event.data).unread_count, this.after);
      if (!opened && isFresh) this.#options.fresh();
      opened = true;
    });
    source.onerror = () => {
      // By itself it would come back to an address whose ticket is stale, or not at all.
      source.close();
      this.#source = null;
      this.#fail();
    };
  }

  #succeed() {
    this.#failures = 0;
    clearInterval(this.#poll);
    this.#poll = null;
    this.#options.mode('stream');
  }

  #fail() {
    this.#failures += 1;
    if (this.#failures >= FAILURES_BEFORE_POLLING && this.#poll === null) {
      this.#options.mode('polling');
      this.#options.poll();
      this.#poll = setInterval(this.#options.poll, this.#options.pollMs);
    } else if (this.#poll === null) this.#options.mode('connecting');
    const wait = Math.min(LONGEST_WAIT_MS, 250 * 2 ** this.#failures);
    this.#timer = setTimeout(() => this.#connect(), wait * (0.5 + Math.random() / 2));
  }
}

/** All tabs of this browser with the same inbox: one leads, and tells the others. */
class Tabs {
  #channel = null;
  #leads = null;
  #gone = new AbortController();
  #id = Math.random();
  #leaderUntil = 0;
  #beat = null;

  /** `lead()` gives what is to be stopped when it leads no more; `hear(message)` gets what others say. */
  constructor(name, lead, hear) {
    if (!('BroadcastChannel' in globalThis)) {
      this.#leads = lead();
      return;
    }
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => (data.kind === 'beat' ? this.#hearBeat(data.from) : hear(data));
    if (navigator.locks) this.#queue(name, lead);
    else this.#watch(lead);
  }

  get leads() {
    return this.#leads !== null;
  }

  say(message) {
    this.#channel?.postMessage(message);
  }

  hurry() {
    this.#leads?.hurry();
  }

  stop() {
    this.#gone.abort();
    clearInterval(this.#beat);
    this.#leads?.stop();
    this.#leads = null;
    this.#channel?.close();
  }

  #queue(name, lead) {
    const { signal } = this.#gone;
    const hold = () => {
      if (signal.aborted) return null;
      this.#leads = lead();
      return new Promise((resolve) => signal.addEventListener('abort', resolve));
    };
    navigator.locks.request(name, { signal }, hold).catch(() => {});
  }

  // Without locks (a page that came over plain http) the leader beats, and of two the one with the smaller id goes on.
  #watch(lead) {
    this.#leaderUntil = Date.now() + 500 + Math.random() * 500;
    this.#beat = setInterval(() => {
      if (!this.#leads && Date.now() > this.#leaderUntil) this.#leads = lead();
      if (this.#leads) this.say({ kind: 'beat', from: this.#id });
    }, 1000);
  }

  #hearBeat(from) {
    if (this.#leads && from > this.#id) return;
    this.#leads?.stop();
    this.#leads = null;
    this.#leaderUntil = Date.now() + 3000 + Math.random() * 1000;
  }
}

function make(name, { part, text, ...properties } = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes('-') || key === 'role') element.setAttribute(key, value);
    else element[key] = value;
  }
  if (part) element.setAttribute('part', part);
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

function icon(path) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const drawn = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  drawn.setAttribute('d', path);
  svg.append(drawn);
  return svg;
}

/** What can have the focus in an item: its title, then its buttons. */
const focusable = (row) => [...row.querySelectorAll('.title, .actions button:not([hidden])')];

/** One item of the list; it stays the same element while what it says changes. */
class Row {
  #words;
  #base;
  #item = null;

  /** `act(name, item, url, event)` is called with open, read or archive. */
  constructor(id, words, base, act) {
    this.#words = words;
    this.#base = base;
    const button = (name) => make('button', { type: 'button', className: 'quiet-button', part: 'action', 'aria-describedby': `title-${id}`, onclick: () => act(name, this.#item) });
    this.icon = make('span', { className: 'icon', part: 'icon' });
    this.kind = make('span', { className: 'kind', part: 'kind' });
    this.unread = make('span', { className: 'unseen', text: words.say('unread') });
    this.time = make('time', { part: 'time' });
    this.place = make('div', { id: `title-${id}` });
    this.text = make('p', { className: 'text', part: 'text', dir: 'auto' });
    this.progress = make('progress', { max: 100, part: 'progress', 'aria-labelledby': `title-${id}` });
    this.repeated = make('p', { className: 'repeated', part: 'repeated' });
    this.read = button('read');
    this.archive = button('archive');
    this.open = (event) => act('open', this.#item, this.#url(), event);
    const meta = make('div', { className: 'meta' }, make('span', {}, this.kind, ' ', this.unread), this.time);
    const actions = make('div', { className: 'actions' }, this.read, this.archive);
    const body = make('div', {}, meta, this.place, this.text, this.progress, this.repeated, actions);
    this.element = make('li', { part: 'item' }, this.icon, body);
    this.element.dataset.id = id;
  }

  show(item) {
    const words = this.#words;
    const kind = KINDS[item.type] ?? item.priority;
    const tone = TONES[kind] ?? 'plain';
    const isUnread = FILTERS.unread.has(item);
    this.#item = item;
    this.element.className = `${tone}${isUnread ? ' unread' : ''}`;
    this.element.setAttribute('part', isUnread ? 'item item-unread' : 'item');
    this.icon.replaceChildren(icon(ICONS[kind] ?? ICONS[tone]));
    this.kind.textContent = words.say(item.type in KINDS ? `kind_${kind}` : `priority_${kind}`);
    this.unread.hidden = !isUnread;
    this.time.dateTime = this.#moment;
    this.time.title = words.exact(this.#moment);
    this.tick();
    this.#showTitle(item.title || item.type);
    // Lines that are left blank for mails and chats would only be holes here.
    this.text.textContent = item.text.replace(/\n\s*\n/g, '\n');
    this.text.hidden = !item.text.trim() || item.text === item.title;
    const percent = item.type === 'job.progress' ? item.data?.percent : null;
    this.progress.hidden = typeof percent !== 'number';
    if (!this.progress.hidden) this.progress.value = percent;
    this.repeated.hidden = !item.duplicates;
    this.repeated.textContent = item.duplicates ? words.count('repeated', item.duplicates + 1) : '';
    this.read.textContent = words.say(item.read ? 'mark_unread' : 'mark_read');
    this.read.hidden = item.archived;
    this.archive.textContent = words.say(item.archived ? 'unarchive' : 'archive');
  }

  tick() {
    const text = this.#words.ago(this.#moment);
    if (this.time.textContent !== text) this.time.textContent = text;
  }

  get #moment() {
    return this.#item.type === 'job.progress' ? this.#item.updated_at : this.#item.created_at;
  }

  #showTitle(text) {
    const url = this.#url();
    const name = url ? 'a' : 'button';
    if (this.place.firstChild?.localName !== name) {
      const title = make(name, { className: 'title', part: 'title', dir: 'auto', onclick: this.open });
      if (name === 'button') title.type = 'button';
      this.place.replaceChildren(title);
    }
    if (url) this.place.firstChild.href = url;
    this.place.firstChild.textContent = text;
  }

  /** The item's own link if it leads to the service or the page's site; like in mails, to no one else's. */
  #url() {
    const given = this.#item.data?.url;
    if (typeof given !== 'string' || !URL.canParse(given)) return null;
    const url = new URL(given);
    const isOurs = [new URL(this.#base).origin, location.origin].includes(url.origin);
    return isOurs && ['http:', 'https:'].includes(url.protocol) ? url.href : null;
  }
}

/** The bell, the panel and the list. `act` has what can be done: open, read, archive, readAll, older, again, filter. */
class View {
  #rows = new Map();
  #words;
  #base;
  #act;
  #isInline;

  constructor(root, words, base, isInline, act) {
    this.#words = words;
    this.#base = base;
    this.#act = act;
    this.#isInline = isInline;
    const say = (name) => words.say(name);
    const quiet = (name, text, run) => make('button', { type: 'button', className: 'quiet-button', part: name, text, onclick: run });
    this.badge = make('span', { className: 'badge', part: 'badge', 'aria-hidden': 'true', hidden: true });
    this.bell = make('button', { type: 'button', className: 'bell', part: 'bell', 'aria-haspopup': 'dialog', 'aria-expanded': 'false', onclick: () => this.toggle(!this.isOpen) }, icon(BELL), this.badge);
    this.readAll = quiet('read-all', say('read_all'), act.readAll);
    this.filters = Object.keys(FILTERS).map((name) => {
      const button = quiet('filter', say(name), () => act.filter(name));
      button.classList.add('filter');
      button.dataset.filter = name;
      return button;
    });
    this.noticeText = make('span');
    this.again = quiet('again', say('again'), act.again);
    this.notice = make('div', { className: 'notice', part: 'notice', role: 'alert', hidden: true }, this.noticeText, this.again);
    this.list = make('ul', { part: 'list', role: 'list' });
    this.empty = make('p', { className: 'empty', part: 'empty', text: say('loading') });
    this.older = quiet('older', say('older'), act.older);
    this.older.classList.add('older');
    this.said = make('div', { className: 'unseen', role: 'status' });
    const group = make('div', { className: 'filters', role: 'group', 'aria-label': say('show') }, ...this.filters);
    const scroll = make('div', { className: 'scroll' }, this.notice, this.list, this.empty, this.older);
    this.panel = make('div', { className: 'panel', part: 'panel', tabIndex: -1, 'aria-label': say('notifications') });
    if (isInline) {
      this.panel.classList.add('inline');
      this.panel.setAttribute('role', 'region');
      group.append(make('span', { className: 'spring' }), this.readAll);
      this.panel.append(group, scroll);
    } else {
      this.panel.classList.add('floating');
      this.panel.setAttribute('role', 'dialog');
      this.panel.hidden = true;
      const close = make('button', { type: 'button', className: 'bell close', part: 'close', 'aria-label': say('close'), onclick: () => this.toggle(false) }, icon(CROSS));
      const heading = make('p', { className: 'heading', text: say('notifications') });
      this.panel.append(make('div', { className: 'head' }, heading, this.readAll, close), group, scroll);
    }
    const frame = make('div', { className: 'root', lang: words.locale, dir: words.direction }, ...(isInline ? [] : [this.bell]), this.panel, this.said);
    frame.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !this.isOpen || isInline) return;
      event.stopPropagation();
      this.toggle(false);
    });
    this.panel.addEventListener('keydown', (event) => this.#walk(event));
    // Who goes on with Tab leaves the panel behind.
    frame.addEventListener('focusout', ({ relatedTarget: next }) => {
      if (next && !frame.contains(next)) this.toggle(false, { isLeft: true });
    });
    root.replaceChildren(frame);
  }

  get isOpen() {
    return this.#isInline || !this.panel.hidden;
  }

  toggle(open, { isLeft = false } = {}) {
    if (this.#isInline || open === this.isOpen) return;
    this.panel.hidden = !open;
    this.bell.setAttribute('aria-expanded', String(open));
    if (!open) {
      if (!isLeft) this.bell.focus();
      return;
    }
    this.panel.classList.remove('flipped');
    this.panel.classList.toggle('flipped', this.#sticksOut());
    this.panel.style.setProperty('--below', `${Math.max(0, this.bell.getBoundingClientRect().bottom + 6)}px`);
    this.tick();
    this.panel.focus();
  }

  show(store, filter) {
    const items = store.shown(filter);
    const { loaded, cursor } = store.listOf(filter);
    this.#showCount(store.unread);
    for (const button of this.filters) button.setAttribute('aria-pressed', String(button.dataset.filter === filter));
    this.readAll.disabled = !store.unread;
    this.#showRows(items);
    this.empty.hidden = items.length > 0 || (!loaded && !this.notice.hidden);
    this.empty.textContent = this.#words.say(loaded ? `empty_${filter}` : 'loading');
    this.older.hidden = !cursor;
  }

  complain(name, { canTryAgain = false } = {}) {
    this.notice.hidden = name === null;
    this.noticeText.textContent = name === null ? '' : this.#words.say(name);
    this.again.hidden = !canTryAgain;
  }

  /** Say it to who listens rather than looks: the newest title, and how many are unread. */
  announce(title, unread) {
    const whole = make('p', { text: this.#words.count('bell', unread) });
    this.said.replaceChildren(make('p', { text: title, dir: 'auto' }), whole);
  }

  tick() {
    for (const row of this.#rows.values()) row.tick();
  }

  #showCount(unread) {
    this.badge.hidden = !unread;
    this.badge.textContent = unread > MOST_SHOWN ? `${this.#words.number(MOST_SHOWN)}+` : this.#words.number(unread ?? 0);
    this.bell.setAttribute('aria-label', unread ? this.#words.count('bell', unread) : this.#words.say('notifications'));
  }

  #showRows(items) {
    const gone = new Set(this.#rows.keys());
    for (const item of items) gone.delete(item.id);
    for (const id of gone) this.#remove(id);
    items.forEach((item, index) => {
      const row = this.#rowOf(item.id);
      row.show(item);
      const there = this.list.children[index];
      if (there !== row.element) this.list.insertBefore(row.element, there ?? null);
    });
  }

  #rowOf(id) {
    if (!this.#rows.has(id)) this.#rows.set(id, new Row(id, this.#words, this.#base, (name, ...given) => this.#act[name](...given)));
    return this.#rows.get(id);
  }

  #remove(id) {
    const { element } = this.#rows.get(id);
    // Whoever was in it goes on with the next one, and not at the beginning of the page.
    const near = element.contains(this.panel.getRootNode().activeElement) && (element.nextElementSibling ?? element.previousElementSibling);
    element.remove();
    this.#rows.delete(id);
    if (near) near.querySelector('.title').focus();
    else if (near === null) this.panel.focus();
  }

  /** Arrows lead from item to item, along the titles or along the button that has the focus; Home and End to the ends. */
  #walk(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };
    const { activeElement: here } = this.panel.getRootNode();
    const rows = [...this.list.children];
    if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !rows.length) return;
    const from = rows.findIndex((row) => row.contains(here));
    if (from < 0 && here !== this.panel) return;
    event.preventDefault();
    const to = rows[Math.max(0, Math.min(rows.length - 1, from + steps[event.key]))];
    const column = from < 0 ? 0 : focusable(rows[from]).indexOf(here);
    (focusable(to)[column] ?? focusable(to)[0]).focus();
  }

  #sticksOut() {
    const { left, right } = this.panel.getBoundingClientRect();
    return left < 0 || right > document.documentElement.clientWidth;
  }
}

/** One life of the component: from the moment it is in the page with these attributes until it is not. */
class Life {
  #host;
  #api;
  #store = new Store();
  #view = null;
  #tabs = null;
  #user = null;
  #filter = 'all';
  #last = null;
  #count = null;
  #arrived = null;
  #again = null;
  #mode = 'connecting';
  #ended = new AbortController();
  #provide;
  #base;

  constructor(host, root, provide) {
    this.#host = host;
    this.#provide = provide;
    this.#base = new URL(host.getAttribute('base-url') || new URL('..', import.meta.url), document.baseURI).href.replace(/\/?$/, '/');
    this.#api = new Api(this.#base, provide, this.#ended.signal);
    this.#begin(root);
  }

  get mode() {
    return this.#tabs && !this.#tabs.leads && this.#mode === 'stream' ? 'follower' : this.#mode;
  }

  get unread() {
    return this.#store.unread;
  }

  end() {
    this.#ended.abort();
    this.#tabs?.stop();
  }

  async #begin(root) {
    const words = await Words.of(this.#base, languageOf(this.#host));
    if (this.#isOver) return;
    this.#view = new View(root, words, this.#base, this.#host.getAttribute('panel') === 'inline', this.#actions());
    const { signal } = this.#ended;
    const timer = setInterval(() => document.hidden || this.#view.tick(), TICK_MS);
    signal.addEventListener('abort', () => clearInterval(timer));
    document.addEventListener('pointerdown', (event) => event.composedPath().includes(this.#host) || this.#view.toggle(false, { isLeft: true }), { signal });
    document.addEventListener('visibilitychange', () => document.hidden || this.#wake(), { signal });
    addEventListener('online', () => this.#wake(), { signal });
    this.#render();
    await this.#connect();
  }

  async #connect() {
    try {
      this.#user ??= this.#host.getAttribute('user-id') || (await this.#api.who());
    } catch (error) {
      this.#fail(error, () => this.#connect());
      return;
    }
    if (this.#isOver) return;
    // Two people in two tabs, or two services, never hear each other.
    const name = `im2-inbox ${this.#base} ${this.#user}`;
    this.#tabs = new Tabs(name, () => this.#lead(), (message) => this.#hear(message));
    this.#tabs.say({ kind: 'hello' });
    await this.#load();
  }

  #lead() {
    const share = (message) => {
      this.#hear(message);
      this.#tabs?.say(message);
    };
    return new Stream({
      after: this.#last,
      address: (after) => this.#api.streamUrl(this.#user, after),
      item: (item, id) => share({ kind: 'item', item, id }),
      unread: (count, id) => share({ kind: 'unread', count, id }),
      fresh: () => share({ kind: 'fresh' }),
      mode: (mode) => share({ kind: 'mode', mode }),
      poll: () => share({ kind: 'fresh' }),
      pollMs: 1000 * (Number(this.#host.getAttribute('poll-seconds')) || 30),
    });
  }

  /** What the stream says, here or by way of the tab that leads. */
  #hear({ kind, ...said }) {
    if (this.#isOver) return;
    if (said.id) this.#last = said.id;
    if (kind === 'hello' && this.#tabs?.leads) this.#tabs.say({ kind: 'mode', mode: this.#mode, id: this.#last });
    if (kind === 'mode') this.#mode = said.mode;
    if (kind === 'fresh') this.#load();
    if (kind === 'answer') this.#store.put(said.item);
    if (kind === 'unread') this.#store.hearCount(said.count);
    if (kind === 'item' && this.#store.put(said.item) && FILTERS.unread.has(said.item)) this.#arrived = said.item.title;
    this.#render();
    // Said once for all that came together, with the number that follows them.
    if (kind === 'unread' && this.#arrived !== null) {
      this.#view.announce(this.#arrived, said.count);
      this.#arrived = null;
    }
  }

  async #load() {
    const filter = this.#filter;
    try {
      await this.#fetch(filter, null);
      // What is archived is not shown among all; a page of nothing else is no end.
      for (let pages = 1; this.#store.listOf(filter).cursor && !this.#store.shown(filter).length && pages < 5; pages += 1) {
        await this.#fetch(filter, this.#store.listOf(filter).cursor);
      }
      if (this.#isOver) return;
      this.#view.complain(null);
      this.#render();
    } catch (error) {
      this.#fail(error, () => this.#load());
    }
  }

  async #fetch(filter, cursor) {
    const { told } = this.#store;
    const page = await this.#api.page(this.#user, FILTERS[filter].state, cursor);
    this.#store.addPage(filter, page, { told, isFirst: cursor === null });
  }

  #fail(error, again) {
    if (this.#isOver) return;
    if (error?.status === 401) this.#host.dispatchEvent(new CustomEvent('im2-signed-out', { bubbles: true, composed: true }));
    this.#again = again;
    this.#view.complain('away', { canTryAgain: true });
    this.#render();
  }

  #actions() {
    return {
      open: (item, url, event) => this.#open(item, url, event),
      read: (item) => this.#change(item, { read: !item.read }),
      archive: (item) => this.#change(item, { archived: !item.archived }),
      readAll: () => this.#readAll(),
      older: () => this.#older(),
      again: () => this.#again?.(),
      filter: (name) => {
        this.#filter = name;
        this.#render();
        this.#load();
      },
    };
  }

  #open(item, url, event) {
    const opened = new CustomEvent('im2-open', { detail: { item, url }, bubbles: true, composed: true, cancelable: true });
    if (!this.#host.dispatchEvent(opened)) event.preventDefault();
    if (FILTERS.unread.has(item)) this.#change(item, { read: true });
  }

  async #change({ id }, wanted) {
    const { told } = this.#store;
    this.#store.assume(id, wanted);
    this.#render();
    try {
      const { item, unread_count: unread } = await this.#api.change(this.#user, id, wanted);
      this.#store.put(item);
      this.#store.count(unread, told);
      this.#tabs?.say({ kind: 'answer', item });
      this.#view.complain(null);
    } catch {
      if (!this.#isOver) this.#view.complain('undone');
    }
    this.#store.drop(id);
    this.#render();
  }

  async #readAll() {
    const ids = this.#store.unreadIds;
    const { told } = this.#store;
    for (const id of ids) this.#store.assume(id, { read: true });
    this.#render();
    try {
      const { unread_count: unread } = await this.#api.readAll(this.#user);
      this.#store.count(unread, told);
      this.#view.complain(null);
      await this.#load();
    } catch {
      if (!this.#isOver) this.#view.complain('undone');
    }
    for (const id of ids) this.#store.drop(id);
    this.#render();
  }

  async #older() {
    const filter = this.#filter;
    try {
      await this.#fetch(filter, this.#store.listOf(filter).cursor);
      this.#view.complain(null);
      this.#render();
    } catch (error) {
      this.#fail(error, () => this.#older());
    }
  }

  #wake() {
    this.#view.tick();
    this.#tabs?.hurry();
  }

  #render() {
    if (this.#isOver || !this.#view) return;
    this.#view.show(this.#store, this.#filter);
    const count = this.#store.unread;
    if (count === null || count === this.#count) return;
    this.#count = count;
    this.#host.dispatchEvent(new CustomEvent('im2-unread', { detail: { count }, bubbles: true, composed: true }));
  }

  get #isOver() {
    return this.#ended.signal.aborted;
  }
}

function languageOf(host) {
  return host.getAttribute('lang') || host.closest('[lang]')?.lang || document.documentElement.lang || navigator.language || 'en';
}

/** `<im2-inbox>`: attributes user-id, base-url, lang, panel, poll-seconds; property `token`; see docs/inbox.md. */
class Im2Inbox extends HTMLElement {
  static observedAttributes = ['user-id', 'base-url', 'lang', 'panel', 'poll-seconds'];
  #life = null;
  #token = null;
  #isDue = false;
  #root = this.attachShadow({ mode: 'open' });
  #onHide = () => this.#end();
  #onShow = ({ persisted }) => persisted && this.#restart();

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [styles()];
    // Set before the script was here, it hides what is defined below.
    const early = Object.getOwnPropertyDescriptor(this, 'token');
    if (early) {
      delete this.token;
      this.#token = early.value;
    }
  }

  /** A function that gives a fresh token of the user; without it the cookie of the session counts. */
  get token() {
    return this.#token;
  }

  set token(provide) {
    this.#token = provide;
    this.#restart();
  }

  /** How many are unread; null while that is not known. */
  get unread() {
    return this.#life?.unread ?? null;
  }

  /** `stream`, `follower` (another tab has the stream), `connecting`, `polling` or `closed`. */
  get connection() {
    return this.#life?.mode ?? 'closed';
  }

  connectedCallback() {
    addEventListener('pagehide', this.#onHide);
    addEventListener('pageshow', this.#onShow);
    this.#restart();
  }

  disconnectedCallback() {
    removeEventListener('pagehide', this.#onHide);
    removeEventListener('pageshow', this.#onShow);
    this.#end();
  }

  attributeChangedCallback(_name, before, after) {
    if (before !== after) this.#restart();
  }

  // Once for all attributes that are set together.
  #restart() {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#end();
      if (this.isConnected) this.#life = new Life(this, this.#root, this.#token);
    });
  }

  #end() {
    this.#life?.end();
    this.#life = null;
  }
}

if (!customElements.get('im2-inbox')) customElements.define('im2-inbox', Im2Inbox);
