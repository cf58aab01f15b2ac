// Why sightings were not taken in, in the reader's language. The server writes it in fixed English phrases.

import { t } from './i18n.js';

/** A phrase and the key of its text; what is in parentheses becomes the text's parameter a. */
const PHRASES = [
  [/^of an employee who is not registered$/, 'stranger'],
  [/^from camera (\S+), which is not this agent's$/, 'camera'],
  [/^more than 2 minutes in the future: check the clocks$/, 'future'],
  [/^more than 30 days old$/, 'old'],
  [/^ends before it begins$/, 'backwards'],
  [/^of a track longer than 24 hours$/, 'long'],
  [/^with a confidence that is not between 0 and 1$/, 'confidence'],
  [/^that never came: lost or dropped by the agent$/, 'lost'],
];

/** The reason in words; as it stands where this page does not know the phrase. */
export function setAsideWords(reason) {
  for (const [phrase, key] of PHRASES) {
    const match = phrase.exec(reason);
    if (match) return t(`setAside.${key}`, { a: match[1] });
  }
  return reason;
}
