// Merge patches (RFC 7396), and those that take them back.

// How deep what the person chose is told apart: below that, a value is replaced as a whole.
const depths = { events: 3, channels: 2, escalate: 2, contacts: 2 };

/** The patch that makes what `patch` changes what it was: what was not chosen, not chosen again. */
export function inverse(patch, shown) {
  const own = { ...shown };
  for (const name of shown.from_defaults ?? []) own[name] = null;
  return Object.fromEntries(Object.entries(patch).map(([name, value]) => [name, back(value, own[name], depths[name] ?? 1)]));
}

/** Of an object, what stands under these names one in the other; undefined when there is nothing. Names may have dots. */
export function at(object, path) {
  if (object === null || typeof object !== 'object') return undefined;
  if (path in object) return object[path];
  for (const name of Object.keys(object)) {
    const found = path.startsWith(`${name}.`) ? at(object[name], path.slice(name.length + 1)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function back(value, was, depth) {
  if (depth <= 1 || value === null || typeof value !== 'object') return was ?? null;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, back(inner, was?.[name], depth - 1)]));
}
