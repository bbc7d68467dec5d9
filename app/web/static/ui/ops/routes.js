// Places on this page, as they stand after the #: `find?status=failed`, `notification/ntf_…`.

/** Where we are: `{name, id, params}`. */
export function here() {
  const [path, search = ''] = location.hash.slice(1).split('?', 2);
  const [name, id = ''] = path.split('/', 2);
  return { name, id: decoded(id), params: Object.fromEntries(new URLSearchParams(search)) };
}

/** The address of a place, for a link. */
export function to(name, { id = '', params = {} } = {}) {
  const given = Object.entries(params).filter(([, value]) => value);
  const search = given.length ? `?${new URLSearchParams(given)}` : '';
  return `#${name}${id ? `/${encodeURIComponent(id)}` : ''}${search}`;
}

/** Go to a place; going back leads to where we are now. */
export function go(name, where) {
  location.hash = to(name, where);
}

/** Be at a place without having gone there. */
export function be(name, where) {
  location.replace(to(name, where));
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
