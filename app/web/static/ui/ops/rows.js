// Notifications as rows of a table.

import { timeElement } from '../formats.js';
import { word } from '../words.js';
import { badge, named } from './names.js';
import { link, own } from './parts.js';

/** What stands over the columns. */
export const heads = () => ['time', 'status', 'type', 'channel', 'user', 'subject'].map((name) => word(`head.${name}`));

/** The cells of a notification. */
export function cells(item) {
  return [
    link('notification', { id: item.id }, timeElement(item.created_at)),
    [badge('status', item.status), item.reason ? ` ${named('reason', item.reason)}` : ''],
    named('type', item.type),
    named('channel', item.channel),
    link('find', { params: { user_id: item.user_id } }, own(item.user_id)),
    item.subject_key === null ? '' : own(item.subject_key),
  ];
}
