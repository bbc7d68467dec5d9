// Writing into what is shown already, and only where something is new.

/** Write a text unless it is there. */
export function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Keep the children of a place in step with entries by key: what stays is updated, not made anew. */
export function keep(place, entries, make, update) {
  const there = new Map([...place.children].map((child) => [child.dataset.key, child]));
  entries.forEach(([key, value], index) => {
    let child = there.get(key);
    if (!child) {
      child = make(key);
      child.dataset.key = key;
    }
    there.delete(key);
    if (place.children[index] !== child) place.insertBefore(child, place.children[index] ?? null);
    update(child, value);
  });
  for (const gone of there.values()) gone.remove();
}
