// What a notification says, as text; HTML is shown as its source, never as a page.

import { el } from '../build.js';
import { word } from '../words.js';
import { facts, own } from './parts.js';

/** The parts that show it. */
export function content(words) {
  if (!words) return [el('p', { className: 'quiet' }, word('content.none'))];
  const { subject, text, locale, template_version: version, html, document: receipt } = words;
  return [
    el('p', { className: 'subject' }, own(subject ?? '')),
    el('pre', { className: 'wrapped', tabIndex: 0, dir: 'auto', lang: locale ?? '' }, text ?? ''),
    el('dl', { className: 'facts' }, facts([[word('fact.language'), locale], [word('fact.template'), version && own(version)]])),
    html ? folded(word('content.source'), html, save(html)) : null,
    receipt ? folded(word('content.document'), JSON.stringify(receipt, null, 2)) : null,
  ].filter(Boolean);
}

function folded(title, source, ...more) {
  return el('details', {}, el('summary', {}, title), more, el('pre', { tabIndex: 0, dir: 'ltr' }, source));
}

function save(html) {
  const link = el('a', { className: 'button', download: 'notification.html' }, word('content.save'));
  // It is opened from the disk, where it is no page of this service.
  link.href = URL.createObjectURL(new Blob([html], { type: 'application/octet-stream' }));
  return el('p', {}, link);
}
