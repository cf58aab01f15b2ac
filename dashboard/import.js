// Employees from a CSV file: what would change is shown first, and only then stored.

import { api } from './api.js';
import { has, t } from './i18n.js';
import { load } from './store.js';
import { table } from './table.js';
import { h, icon, openDialog, sentence, showError } from './utils.js';

const MAX_BYTES = 8 * 1024 * 1024;
const COLUMNS = ['id', 'name', 'supervisor', 'areas', 'phone', 'email', 'badge', 'language', 'role_title', 'schedule', 'policy', 'consent'];
/** The words of a form's fields, for those that have one. */
const WORDS = { name: 'employees.name', supervisor: 'employees.superior', areas: 'employees.areas', phone: 'employees.phone', email: 'form.email', badge: 'form.badge',
  language: 'form.language', role_title: 'form.role', schedule: 'organisation.schedule', policy: 'organisation.policy', consent: 'employees.consent' };
const word = (field) => (WORDS[field] && has(WORDS[field]) ? t(WORDS[field]) : field);

export function openImport() {
  const chooser = h('input', { type: 'file', accept: '.csv,text/csv', class: 'sr-only', id: 'import-file' });
  const outcome = h('div', { class: 'stack', 'aria-live': 'polite' });
  const failure = h('p', { class: 'error-line', role: 'alert', hidden: true });
  const body = h('div', { class: 'form' }, h('p', { class: 'muted' }, t('import.how', { columns: COLUMNS.join(', ') })),
    h('div', {}, chooser, h('label', { class: 'button', for: 'import-file' }, icon('upload'), t('import.choose'))), failure, outcome);
  const dialog = openDialog(t('import.title'), body, { className: 'dialog-wide' });
  const send = (file, dry) => api('POST', `/api/employees/import${dry ? '?dry_run=true' : ''}`, file, { timeout: 120_000 });
  chooser.addEventListener('change', async () => {
    const [file] = chooser.files;
    chooser.value = '';
    showError(failure, null);
    outcome.replaceChildren();
    if (!file) return;
    if (file.size > MAX_BYTES) return showError(failure, t('import.large'));
    outcome.replaceChildren(h('p', { class: 'muted' }, t('import.checking')));
    try {
      preview(file, await send(file, true));
    } catch (error) {
      outcome.replaceChildren();
      showError(failure, sentence(error));
    }
  });

  function preview(file, found) {
    if (found.problems.length > 0) {
      outcome.replaceChildren(h('p', { class: 'warn-line', role: 'alert' }, icon('triangle-alert'), t('import.problems', { n: found.problems.length })),
        table([
          { label: t('import.line'), cell: (one) => String(one.line) },
          { label: t('import.column'), cell: (one) => one.column ?? '–' },
          { label: t('import.problem'), cell: (one) => one.message },
        ], found.problems));
      return;
    }
    const n = found.added + found.changed;
    const save = h('button', { class: 'button primary', type: 'button', data: { act: 'import' }, onclick: async () => {
      save.disabled = true;
      showError(failure, null);
      try {
        const done = await send(file, false);
        if (done.problems.length > 0) return preview(file, done);
        await load('employees', 'status', 'summary', 'notices');
        outcome.replaceChildren(h('p', { class: 'good-line', role: 'status' }, icon('circle-check'), t('import.done', done)),
          h('div', { class: 'dialog-acts' }, h('button', { class: 'button primary', type: 'button', onclick: () => dialog.close() }, t('form.close'))));
      } catch (error) {
        save.disabled = false;
        showError(failure, sentence(error));
      }
    } }, t('import.save', { n }));
    const left = n - found.rows.length;
    outcome.replaceChildren(h('p', { role: 'status' }, h('strong', {}, n === 0 ? t('import.nothing') : t('import.will', found))),
      found.rows.length > 0 ? table([
        { label: t('column.name'), cell: (row) => `${row.name} (${row.id})` },
        { label: t('import.change'), cell: (row) => (row.added ? t('import.added')
          : h('ul', { class: 'plain small' }, row.changes.map((one) => h('li', {}, t('day.change', { what: word(one.field), is: one.from || '–', wouldBe: one.to || '–' }))))) },
      ], found.rows) : '', left > 0 ? h('p', { class: 'muted' }, t('import.more', { n: left })) : '',
      h('div', { class: 'dialog-acts' }, h('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, t('form.cancel')), n > 0 && save));
  }
}
