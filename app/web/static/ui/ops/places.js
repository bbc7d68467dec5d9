// Where templates apply: type, channel and language, each of the last two maybe any.

import { word } from '../words.js';
import { named } from './names.js';

const { locale } = document.getElementById('main').dataset;
const languages = new Intl.DisplayNames(locale, { type: 'language' });

/** The API's path of a place, `job.failed/email/de`. */
export const pathOf = (id) => `/templates/${id.split('/').map(encodeURIComponent).join('/')}`;

/** Whether what the API names as a template is a place, and not a file that cannot be one. */
export const isPlace = (name) => /^[^/]+\/[^/]+\/[^/]+$/.test(name);

/** What a `type`, `channel` or `locale` of a place is called. */
export function called(kind, value) {
  if (value === '_any') return word(`any.${kind}`);
  return kind === 'locale' ? `${languages.of(value)} (${value})` : named(kind, value);
}
