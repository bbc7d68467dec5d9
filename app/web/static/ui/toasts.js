// Short messages at the edge of the page: said aloud to who listens, and gone after a while.

const SHOWN_MS = 8000;

/** Say something; with `action` = {label, run} it can be answered, and stays while it is pointed at or focused. */
export function toast(text, { bad = false, action } = {}) {
  const place = document.getElementById('toasts');
  const box = document.createElement('div');
  box.className = bad ? 'toast bad' : 'toast';
  const said = document.createElement('span');
  said.textContent = text;
  box.append(said);
  if (action) box.append(button(action, () => box.remove()));
  place.replaceChildren(box);
  let timer = setTimeout(() => box.remove(), SHOWN_MS);
  for (const kind of ['pointerenter', 'focusin']) box.addEventListener(kind, () => clearTimeout(timer));
  for (const kind of ['pointerleave', 'focusout']) {
    box.addEventListener(kind, () => {
      clearTimeout(timer);
      timer = setTimeout(() => box.remove(), SHOWN_MS);
    });
  }
}

function button({ label, run }, close) {
  const made = document.createElement('button');
  made.type = 'button';
  made.textContent = label;
  made.addEventListener('click', () => {
    close();
    run();
  });
  return made;
}
