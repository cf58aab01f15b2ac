// What is wrong with a camera or a device: its cause in the reader's language, and the device's own sentence about it.

import { currentLanguage, has, t } from './i18n.js';
import { h } from './utils.js';

/** In a few words; empty when nothing is wrong. A cause that only a newer page knows is told as the device tells it. */
export const causeText = ({ cause, problem }) => (has(`cause.${cause}`) ? t(`cause.${cause}`) : problem ?? '');

/** In full, for whoever mends it; null when nothing is wrong. */
export function problemOf(entry) {
  const text = causeText(entry);
  if (!text) return null;
  const { problem } = entry;
  // The device speaks English and says all that the cause does, and more.
  if (!problem) return h('span', { class: 'problem' }, text);
  if (problem === text || currentLanguage() === 'en') return h('span', { class: 'problem', lang: 'en' }, problem);
  return h('span', { class: 'problem' }, text, h('span', { class: 'problem muted', lang: 'en' }, problem));
}
