// Ids in whatever was pasted.

const form = /\b(?:evt|ntf|itm|key)_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const places = { evt: 'event', ntf: 'notification', key: 'keys' };

/** Every id in a text, once; keys as they are handed out have theirs in them. */
export function idsIn(text) {
  // In a key the id stands after an underscore, which is no edge of a word.
  const found = text.replace(/im2n_/g, ' ').match(form) ?? [];
  return [...new Set(found.map((id) => id.toLowerCase()))];
}

/** When what an id names was made, by the service's clock: its first twelve digits are milliseconds. */
export const madeAt = (id) => new Date(parseInt(id.slice(4, 12) + id.slice(13, 17), 16)).toISOString();

/** The part of the page that shows what an id names; undefined for an item of an inbox, which a notification stands behind. */
export const placeOf = (id) => places[id.slice(0, 3)];
