// The page's sentences, in its language: <template id="words"> holds each in an element with `data-word`.

const source = document.getElementById('words')?.content;

/** A sentence by its name; `{name}` in it is replaced by the value of that name. */
export function word(name, values = {}) {
  const text = source?.querySelector(`[data-word="${name}"]`)?.textContent.trim() ?? name;
  return text.replace(/\{(\w+)\}/g, (gap, key) => (key in values ? String(values[key]) : gap));
}

/** What is wrong, as a sentence: what the answer says of fields, else its detail, else that there was no answer. */
export function wrong(problem) {
  if (problem.status === 0) return word('away');
  return problem.messages?.length ? problem.messages.join(' ') : problem.detail || word('failed');
}
