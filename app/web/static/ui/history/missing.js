// Why there may be nothing in the list: what applies to a type of event on a channel, in words.

import { call } from '../api.js';
import { el } from '../build.js';
import { moment } from '../formats.js';
import { word, wrong } from '../words.js';

/** Answers the form from the preferences of a person. */
export function answerFrom(form, place, user) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const [type, channel] = [form.elements.type.value, form.elements.channel.value];
    let sentences;
    try {
      const { body } = await call('GET', `/preferences/${encodeURIComponent(user)}`);
      sentences = why(body, type, channel);
    } catch (problem) {
      sentences = [wrong(problem)];
    }
    place.replaceChildren(...sentences.map((sentence) => el('p', {}, sentence)));
  });
}

function why(wishes, type, channel) {
  const { rhythm, source } = wishes.effective[type][channel];
  const contact = wishes.contacts[channel];
  const isUnconfirmed = source === 'no_contact' && contact?.verified === false;
  const sentences = [word(`rhythm-${rhythm}`), word(isUnconfirmed ? 'unverified' : `source-${source}`)];
  if (rhythm === 'off') return sentences;
  // What cannot be changed waits for nothing.
  return source === 'required' ? [...sentences, word('not-reported')] : [...sentences, ...waits(wishes, channel), word('not-reported')];
}

function* waits(wishes, channel) {
  const quiet = wishes.quiet_hours;
  if (wishes.muted_until && new Date(wishes.muted_until) > new Date()) {
    yield word('muted-until', { time: moment(wishes.muted_until) });
  }
  // The inbox makes no noise.
  if (quiet && channel !== 'inapp') yield word('quiet-hours', quiet);
  if (wishes.muted_subjects.length) yield word('muted-subjects', { subjects: wishes.muted_subjects.join(' · ') });
}
