// The public API, as the session of this page may use it.

const root = new URL('../../', import.meta.url);
const reads = new Set(['GET', 'HEAD']);

/** An answer that is an error: `status` (0 when there was none), `detail`, and `errors` by location and field. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? '');
    this.status = status;
    this.detail = body.detail ?? '';
    this.errors = body.errors ?? {};
  }

  /** All messages about fields, as lines of text. */
  get messages() {
    return Object.values(this.errors).flatMap((fields) => lines(fields, ''));
  }
}

/** The address of something under the service's root. */
export function address(path) {
  return new URL(path.replace(/^\//, ''), root);
}

/**
 * Ask the API. Gives `{status, body, etag}`; `body` is null when there is none. Throws Problem.
 * `keepalive` finishes it when the page is left; `etag` demands that nothing has changed since; `merge` sends a merge patch; `text` asks for the body as text.
 */
export async function call(method, path, { body, etag, merge = false, accept = 'application/json', signal, keepalive = false } = {}) {
  const headers = { Accept: accept };
  if (body !== undefined) headers['Content-Type'] = merge ? 'application/merge-patch+json' : 'application/json';
  if (etag) headers['If-Match'] = etag;
  if (!reads.has(method)) headers['X-CSRF-Token'] = csrfToken();
  let answer;
  try {
    const content = body === undefined ? undefined : JSON.stringify(body);
    answer = await fetch(address(path), { method, headers, signal, keepalive, body: content });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, {});
  }
  if (answer.status === 401) {
    // The session is over: this page says so, and how to go on.
    location.reload();
    return new Promise(() => {});
  }
  const content = await read(answer);
  if (!answer.ok) throw new Problem(answer.status, content && typeof content === 'object' ? content : {});
  return { status: answer.status, body: content, etag: answer.headers.get('ETag') };
}

/** The next page of a list that holds something, or the last one: where what is asked for is rare, pages may be empty. */
export async function page(path, parameters, options) {
  let answer = await call('GET', path + query(parameters), options);
  while (!answer.body.items.length && answer.body.next_cursor !== null) {
    answer = await call('GET', path + query({ ...parameters, cursor: answer.body.next_cursor }), options);
  }
  return answer;
}

/** All query parameters that have a value, with the `?`; nothing when there are none. */
export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== '' && value !== null && value !== undefined);
  return given.length ? `?${new URLSearchParams(given)}` : '';
}

function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? '';
}

async function read(answer) {
  if (answer.status === 204) return null;
  const isJson = /[/+]json/.test(answer.headers.get('Content-Type') ?? '');
  return isJson ? answer.json() : answer.text();
}

function lines(value, path) {
  if (Array.isArray(value)) return value.map((message) => (path ? `${path}: ${message}` : `${message}`));
  if (value && typeof value === 'object') {
    return Object.entries(value).flatMap(([name, inner]) => lines(inner, path ? `${path}.${name}` : name));
  }
  return [];
}
