// Putting another contact in the place of one: what was there is not kept, so it is asked about first.

const places = ['address', 'url', 'routing_key', 'api_key'];

/** Whether a change leads somewhere else than what is there. */
export function replaces(before, value) {
  if (before === undefined) return false;
  const [was, will] = [before, value].map((one) => (typeof one === 'string' ? { address: one } : one));
  return places.some((name) => will[name] !== undefined && will[name] !== null && will[name] !== was[name]);
}

/** Ask; true when the answer was yes. `anew` says that the new one has to be confirmed. */
export async function mayReplace(anew) {
  const dialog = document.getElementById('replace');
  const about = document.getElementById('replace-anew');
  if (about) about.hidden = !anew;
  dialog.returnValue = '';
  dialog.showModal();
  await new Promise((resolve) => { dialog.addEventListener('close', resolve, { once: true }); });
  return dialog.returnValue === 'replace';
}
