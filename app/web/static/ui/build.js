// Elements without markup: whatever is put in as text stays text.

/** An element with properties, `data` for data-*, attributes by name with a hyphen or `role`, and children. */
export function el(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === 'data') Object.assign(element.dataset, value);
    else if (key in element && !key.includes('-')) element[key] = value;
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A copy of a <template>, with its elements that carry `data-slot` by that name. */
export function stamp(id) {
  const copy = document.getElementById(id).content.cloneNode(true).firstElementChild;
  const slots = Object.fromEntries([...copy.querySelectorAll('[data-slot]')].map((slot) => [slot.dataset.slot, slot]));
  if (copy.dataset.slot) slots[copy.dataset.slot] = copy;
  return { element: copy, slots };
}
