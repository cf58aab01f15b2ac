// The record of who changed what, in the reader's language. The server writes it in fixed English phrases.

import { has, t } from './i18n.js';

/** A phrase and the key of its text; what is in parentheses becomes the text's parameters a and b. */
const PHRASES = [
  [/^employee (\S+) added$/, 'employee.added'], [/^employee (\S+) changed$/, 'employee.changed'], [/^an employee deleted$/, 'employee.deleted'],
  [/^templates added: (\d+)$/, 'templates.added'], [/^templates erased: (\d+)$/, 'templates.erased'],
  [/^schedule (\S+) saved$/, 'schedule.saved'], [/^schedule (\S+) deleted$/, 'schedule.deleted'],
  [/^holiday (\S+) saved$/, 'holiday.saved'], [/^holiday (\S+) deleted$/, 'holiday.deleted'],
  [/^policy (\S+) saved$/, 'policy.saved'], [/^policy (\S+) deleted$/, 'policy.deleted'],
  [/^leave (\d+) added$/, 'leave.added'], [/^leave (\d+) ended$/, 'leave.ended'], [/^leave (\d+) taken back(?:, (.+))?$/, 'leave.takenBack'],
  [/^alert (\d+) acknowledged$/, 'alert.acknowledged'], [/^alert (\d+) excused$/, 'alert.excused'],
  [/^attendance of (\S+) on (\S+) corrected$/, 'attendance.corrected'], [/^attendance of (\S+) on (\S+) withdrawn$/, 'attendance.withdrawn'],
  [/^attendance of (\S+) on (\S+) accepted$/, 'attendance.accepted'], [/^attendance of (\S+) on (\S+) dismissed$/, 'attendance.dismissed'],
  [/^area (\S+) changed$/, 'area.changed'], [/^thresholds changed$/, 'thresholds'], [/^quiet hours changed$/, 'quiet'], [/^language of the site changed$/, 'language'], [/^retention changed$/, 'retention'], [/^presence by body changed$/, 'bodies'],
  [/^silence began$/, 'silence.began'], [/^silence ended$/, 'silence.ended'], [/^test message to (\S+)$/, 'test'],
  [/^user added with role (\S+)$/, 'user.added'], [/^user changed, role (\S+)$/, 'user.changed'], [/^user deleted, role (\S+)$/, 'user.deleted'],
  [/^own password changed$/, 'password'], [/^employee (\S+) enrolled at camera (\S+)$/, 'employee.enrolledAt'], [/^camera (\S+) renamed$/, 'camera.renamed'], [/^camera (\S+) switched to (\S+)$/, 'camera.switched'], [/^picture of camera (\S+) kept$/, 'camera.picture'],
  [/^photo of employee (\S+) tried$/, 'photo.tried'],
  [/^refused: a number that is not registered, ending in (\S+)$/, 'refused.stranger'], [/^refused: (\S+), of somebody who is not below them$/, 'refused.notBelow'],
];

/** What somebody did, in words; as it stands where this page does not know the phrase. */
export function auditWords(what) {
  for (const [phrase, key] of PHRASES) {
    const match = phrase.exec(what);
    if (!match) continue;
    const [, a, b] = match;
    const word = (text) => [`role.${text}`, `devices.mode.${text}`].filter(has).map((key) => t(key))[0] ?? text ?? '';
    return t(`did.${key}`, { a: word(a), b: word(b).replace(' to ', ' – ') });
  }
  return what;
}
