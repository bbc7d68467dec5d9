// A token that is pasted opens its user's inbox: as a bell above, and in other colours below.

const form = document.getElementById('try');
const field = document.getElementById('token');

// The lines can be copied as they are: with the whole address of the script.
const lines = document.getElementById('lines');
const script = new URL('../im2-inbox.js', import.meta.url).href;
lines.textContent = lines.textContent.replace(/src="[^"]*"/, `src="${script}"`);

function inbox(panel) {
  const made = document.createElement('im2-inbox');
  if (panel) made.setAttribute('panel', panel);
  made.token = async () => field.value.trim();
  return made;
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (!field.value.trim()) {
    field.focus();
    return;
  }
  document.getElementById('place').replaceChildren(inbox(null));
  document.getElementById('themed').replaceChildren(inbox('inline'));
});
