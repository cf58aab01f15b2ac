// The forms, field by field where the other files fill in only some: what was typed is what the API says afterwards.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import * as system from './system.mjs';
import { DESK, HADIR_URL, STEP_MS, launch, login, until } from './system.mjs';

const SOMEBODY = { id: 'UJI8', name: 'Uji Borang', consent: new Date().toISOString() };

let browser;
let context;
let page;
const complaints = [];
const foreign = [];

const ask = (address) => system.ask(page, address);
const submit = () => dialog().locator('form .button.primary').click();
const send = (...request) => system.send(page, ...request);
const go = async (view, query = '') => {
  await page.evaluate((hash) => { location.hash = hash; }, `#/${view}${query}`);
  await page.locator(`#view-${view}`).waitFor();
};
const dialog = () => page.locator('dialog[open]');
const save = async () => {
  await dialog().locator('[data-act="save"]').click();
  await dialog().waitFor({ state: 'detached' });
};

describe('forms', { concurrency: false }, () => {
  before(async () => {
    browser = await launch();
    context = await browser.newContext({ viewport: DESK, locale: 'id-ID' });
    page = await context.newPage();
    system.watch(page, complaints, foreign);
    await login(page);
    await send('POST', '/api/employees', SOMEBODY);
    await send('PUT', '/api/policies/uji-borang', { steps: [{ after_s: 0, to: { superior: 1 } }] });
  }, { timeout: 90_000 });

  after(async () => {
    await send('DELETE', `/api/employees/${SOMEBODY.id}`).catch(() => {});
    await send('DELETE', '/api/policies/uji-borang').catch(() => {});
    await browser?.close();
  }, { timeout: 30_000 });

  afterEach(() => page.evaluate(() => document.querySelectorAll('dialog').forEach((one) => one.close())));

  test('every field of an employee is kept', { timeout: 60_000 }, async () => {
    await go('employees');
    const superior = (await ask('/api/employees')).find((person) => person.id !== SOMEBODY.id);
    const [area] = await ask('/api/areas');
    const [policy] = await ask('/api/policies');
    const edit = () => page.locator(`#employee-table tr[data-employee="${SOMEBODY.id}"] [data-act="edit"]`).click();
    const now = () => ask(`/api/employees/${SOMEBODY.id}`);
    await edit();
    await dialog().locator('[data-act="new-badge"]').click();
    const badge = await dialog().locator('[name="badge"]').inputValue();
    assert.match(badge, /^HDR-[2-9A-HJ-NP-Z]{12}$/);
    await dialog().locator('[name="phone"]').fill('rahasia');
    await submit();
    await dialog().locator('#error-phone', { hasText: /\S/ }).waitFor();
    await dialog().locator('[name="phone"]').fill('0811 2233 445');
    await dialog().locator('[name="email"]').fill('uji@example.com');
    await dialog().locator('[name="role_title"]').fill('Penguji');
    await dialog().locator('[name="supervisor"]').selectOption(superior.id);
    await dialog().locator('[name="policy"]').selectOption(policy.name);
    await dialog().locator('[name="language"]').selectOption('en');
    await dialog().locator(`[name="area"][value="${area.id}"]`).check();
    await submit();
    await dialog().waitFor({ state: 'detached' });
    const kept = await now();
    assert.deepEqual([kept.badge, kept.phone, kept.email, kept.role_title, kept.supervisor, kept.policy, kept.language, kept.areas],
      [badge, '+628112233445', 'uji@example.com', 'Penguji', superior.id, policy.name, 'en', [area.id]]);
    await page.locator(`#employee-table tr[data-employee="${SOMEBODY.id}"]`, { hasText: superior.name }).waitFor();

    // The badge is printed alone.
    await page.locator(`#employee-table tr[data-employee="${SOMEBODY.id}"] [data-act="badge"]`).click();
    await page.evaluate(() => { globalThis.print = () => { globalThis.printed = document.body.className; }; });
    await dialog().locator('[data-act="print"]').click();
    assert.match(await page.evaluate(() => globalThis.printed), /printing-card/);
    await page.evaluate(() => dispatchEvent(new Event('afterprint')));
    await dialog().locator('.dialog-head button').click();

    await edit();
    await dialog().locator('[name="consent"]').uncheck();
    for (const name of ['phone', 'email', 'role_title', 'badge']) await dialog().locator(`[name="${name}"]`).fill('');
    for (const name of ['supervisor', 'policy']) await dialog().locator(`[name="${name}"]`).selectOption('');
    await dialog().locator(`[name="area"][value="${area.id}"]`).uncheck();
    await submit();
    await dialog().waitFor({ state: 'detached' });
    const emptied = await now();
    assert.deepEqual([emptied.consent, emptied.phone, emptied.email, emptied.badge, emptied.supervisor, emptied.policy, emptied.areas].map((one) => one ?? null),
      [null, null, null, null, null, null, []]);

    // Without consent no face is taken; the way to record it is shown.
    await page.locator(`#employee-table tr[data-employee="${SOMEBODY.id}"] [data-act="enrol"]`).click();
    assert.equal(await dialog().locator('#photo-input').count(), 0);
    await dialog().locator('.button.primary').click();
    await dialog().locator('[name="consent"]').check();
    await submit();
    await dialog().waitFor({ state: 'detached' });
    assert.ok((await now()).consent);
  });

  test('what keeps somebody from being told is listed, with the way to mend it', { timeout: 60_000 }, async () => {
    const alone = { id: 'UJI7', name: 'Uji Tanpa Atasan' };
    await send('POST', '/api/employees', alone);
    try {
      const problems = await ask('/api/hierarchy');
      assert.ok(problems.some(({ employee, code }) => employee === alone.id && code === 'no_superior'), JSON.stringify(problems));
      await until('the page knows them', STEP_MS, () => page.evaluate(async (id) =>
        (await import('/store.js')).store.employees.some((person) => person.id === id), alone.id));
      await page.click('#help-button');
      await until('all of them', STEP_MS, async () => await dialog().locator('.mend li').count() === problems.length);
      await dialog().locator('.mend li', { hasText: alone.name }).locator('button').click();
      await until('the form of whoever it concerns', STEP_MS, async () => await dialog().count() === 1
        && await dialog().locator('[name="name"]').inputValue() === alone.name);
      await dialog().locator('[name="supervisor"]').selectOption({ index: 1 });
      await submit();
      await dialog().waitFor({ state: 'detached' });
      assert.ok(!(await ask('/api/hierarchy')).some(({ employee }) => employee === alone.id), 'it is mended');
    } finally {
      await send('DELETE', `/api/employees/${alone.id}`);
    }
  });

  test('shifts, breaks and steps are added and taken away', { timeout: 90_000 }, async () => {
    await go('organisation', '?tab=schedules');
    await page.click('[data-act="add-schedule"]');
    await dialog().locator('[name="name"]').fill('uji-tiga');
    await dialog().locator('[name="shift-name"]').fill('Pagi');
    await dialog().locator('[data-act="add-break"]').click();
    await dialog().locator('[name="break-from"]').nth(1).fill('15:00');
    await dialog().locator('[name="break-to"]').nth(1).fill('15:15');
    for (const name of ['Siang', 'Malam']) {
      await dialog().locator('[data-act="add-shift"]').click();
      const box = dialog().locator('.shift-box').last();
      await box.locator('[name="shift-name"]').fill(name);
      await box.locator('.break-line button').click();
      assert.equal(await box.locator('.break-line').count(), 0);
    }
    await dialog().locator('.shift-box').nth(1).locator('.shift-line .icon-button').click();
    await dialog().locator('.shift-box').last().locator('[name="shift-from"]').fill('20:00');
    await dialog().locator('.shift-box').last().locator('[name="shift-to"]').fill('23:00');
    await dialog().locator('[name="timezone"]').selectOption('Asia/Jayapura');
    await dialog().locator('[name="holidays"]').selectOption('worked');
    await save();
    const schedule = (await ask('/api/schedules')).find((one) => one.name === 'uji-tiga');
    assert.deepEqual(schedule.shifts.map(({ name, from, to, breaks }) => [name, from, to, breaks.length]), [['Pagi', '08:00', '17:00', 2], ['Malam', '20:00', '23:00', 0]]);
    assert.deepEqual([schedule.timezone, schedule.holidays], ['Asia/Jayapura', 'worked']);
    assert.ok(await send('DELETE', '/api/schedules/uji-tiga') < 300);

    await page.click('[data-tab="policies"]');
    await page.click('[data-act="add-policy"]');
    await dialog().locator('[name="name"]').fill('uji-empat');
    const [person] = await ask('/api/employees');
    await dialog().locator('[data-act="add-step"]').click();
    const last = dialog().locator('.step-box').last();
    await last.locator('[name="to"]').selectOption('employee');
    await dialog().locator('[data-act="save"]').click();
    await dialog().locator('.field-error', { hasText: /\S/ }).first().waitFor();
    await last.locator('[name="employee"]').selectOption(person.id);
    await last.locator('[name="channel"]').selectOption('email');
    await last.locator('[name="limited"]').check();
    await last.locator('[name="hours-from"]').fill('06:00');
    await dialog().locator('.step-box').nth(1).locator('.shift-line .icon-button').click();
    await save();
    const { steps } = (await ask('/api/policies')).find((one) => one.name === 'uji-empat');
    assert.deepEqual(steps.map((step) => step.after_s), [0, 1200, 1800]);
    assert.deepEqual([steps[2].to, steps[2].channel, steps[2].hours.from, steps[2].hours.days.length], [{ employee: person.id }, 'email', '06:00', 5]);
    assert.ok(await send('DELETE', '/api/policies/uji-empat') < 300);
  });

  test('a user gets another role, and the record goes back as far as it goes', { timeout: 60_000 }, async () => {
    await send('POST', '/api/users', { username: 'uji-peran', password: 'sandi yang panjang', role: 'technician', employee: null });
    try {
      await page.reload();
      await go('settings');
      const row = page.locator('[data-setting="users"] tr', { hasText: 'uji-peran' });
      await row.locator('[data-act="edit"]').click();
      await dialog().locator('[name="role"]').selectOption('supervisor');
      await dialog().locator('[name="employee"]').selectOption(SOMEBODY.id);
      await save();
      const user = (await ask('/api/users')).find((one) => one.username === 'uji-peran');
      assert.deepEqual([user.role, user.employee], ['supervisor', SOMEBODY.id]);
    } finally {
      await send('DELETE', '/api/users/uji-peran');
    }
    const theirs = await (await browser.newContext({ viewport: DESK, locale: 'id-ID', storageState: await context.storageState() })).newPage();
    system.watch(theirs, complaints, foreign);
    // A record as long as two years make it.
    const rows = (from, n) => Array.from({ length: n }, (_, i) => ({ id: from - i, at: new Date(Date.UTC(2026, 0, 1)).toISOString(), who: 'admin', what: `entry ${from - i}` }));
    await theirs.route('**/api/audit*', (route) => route.fulfill({ json: route.request().url().includes('before=1001') ? rows(1000, 3) : rows(1200, 200) }));
    await theirs.goto(`${HADIR_URL}/#/settings`);
    const box = theirs.locator('[data-setting="audit"]');
    const lines = box.locator('tbody tr');
    // The first hundred of a table, then the rest of it, then what the server has besides.
    await until('the first hundred', STEP_MS, async () => await lines.count() === 100);
    await box.locator('.table-more button').click();
    await until('the first two hundred', STEP_MS, async () => await lines.count() === 200);
    await box.getByRole('button').last().click();
    await until('what was before them', STEP_MS, async () => await lines.count() === 203);
    await theirs.context().close();
  });

  test('a banner is put away', { timeout: 60_000 }, async () => {
    await page.evaluate(() => { location.hash = '#/settings'; });
    await page.locator('[data-setting="silence"] [data-act="begin"]').click();
    await dialog().locator('[name="hours"]').fill('1');
    await dialog().locator('[name="reason"]').fill('Uji spanduk');
    await save();
    const banner = page.locator('#system-banner', { hasText: 'Uji spanduk' });
    await banner.waitFor();
    await banner.locator('button').click();
    await banner.waitFor({ state: 'hidden' });
    await page.locator('[data-setting="silence"] [data-act="end"]').click();
    await until('it is over', STEP_MS, async () => await ask('/api/silence') === null);
  });

  test('no error in the console, and nothing asked of anybody else', () => {
    assert.deepEqual(complaints, []);
    assert.deepEqual(foreign, []);
  });
});
