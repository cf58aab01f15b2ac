// Every control that the other files leave alone is pressed: what it does is looked for on the page or in the API.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import * as system from './system.mjs';
import { DESK, HADIR_URL, RECOGNITION_MS, STEP_MS, launch, login, until } from './system.mjs';

const PORTRAITS = path.join(import.meta.dirname, '../fixtures/portraits');
/** Who is on two of the portraits, and enrolled. */
const ENROLLED = 'EMP101';
const GUEST = { id: 'UJI9', name: 'Uji Wajah', consent: new Date().toISOString() };

let browser;
let context;
let page;
let folder;
const complaints = [];
const foreign = [];

const ask = (address) => system.ask(page, address);
const send = (...request) => system.send(page, ...request);
const go = async (view) => {
  await page.evaluate((name) => { location.hash = `#/${name}`; }, view);
  await page.locator(`#view-${view}`).waitFor();
};
const dialog = () => page.locator('dialog[open]');
const stage = (name) => page.locator('#stage').getAttribute(`data-${name}`);
const portrait = (name) => path.join(PORTRAITS, name);
/** Another page of whoever is logged in. */
async function another(options = {}) {
  const other = await browser.newContext({ viewport: DESK, locale: 'id-ID', storageState: await context.storageState(), ...options });
  const theirs = await other.newPage();
  system.watch(theirs, complaints, foreign);
  return theirs;
}

describe('controls', { concurrency: false }, () => {
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'hadir-controls-'));
    // What a camera of this computer would show: somebody who sits before it.
    const picture = path.join(folder, 'face.y4m');
    await promisify(execFile)('ffmpeg', ['-v', 'error', '-loop', '1', '-i', portrait('obama-1.jpg'), '-t', '1', '-r', '10',
      '-vf', 'scale=1280:720:force_original_aspect_ratio=decrease,pad=1280:720:(ow-iw)/2:(oh-ih)/2', '-pix_fmt', 'yuv420p', picture]);
    browser = await launch('--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${picture}`);
    context = await browser.newContext({ viewport: DESK, locale: 'id-ID' });
    page = await context.newPage();
    system.watch(page, complaints, foreign);
    await login(page);
  }, { timeout: 90_000 });

  after(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  }, { timeout: 30_000 });

  afterEach(() => page.evaluate(() => document.querySelectorAll('dialog').forEach((one) => one.close())));

  test('a camera is chosen by its key, and fills the screen', { timeout: 60_000 }, async () => {
    await go('live');
    const cameras = await ask('/api/cameras');
    for (const camera of [...cameras].reverse()) {
      await page.keyboard.press(String(camera.number));
      await until(`camera ${camera.number}`, STEP_MS, async () => await stage('camera') === camera.id);
    }
    // A number that is typed into the search is no camera.
    await page.locator('#tracking-search').press(String(cameras.at(-1).number));
    assert.equal(await stage('camera'), cameras[0].id);
    await page.fill('#tracking-search', '');

    const full = () => page.evaluate(() => document.fullscreenElement?.id ?? null);
    await page.click('#fullscreen');
    await until('the whole screen', STEP_MS, async () => await full() === 'stage');
    await until('the button says how to leave it', STEP_MS, async () => /Keluar/.test(await page.locator('#fullscreen').getAttribute('aria-label')));
    await page.click('#fullscreen');
    await until('the page again', STEP_MS, async () => await full() === null);
  });

  test('people are searched, and filtered by area, team and state', { timeout: 60_000 }, async () => {
    await go('live');
    const rows = page.locator('#tracking-list .row');
    const shown = async () => (await rows.evaluateAll((all) => all.map((row) => row.dataset.employee))).sort();
    const all = await ask('/api/status');
    const employees = await ask('/api/employees');
    await until('everybody', STEP_MS, async () => await rows.count() === all.length);
    await page.fill('#tracking-search', all[0].name.toUpperCase());
    await until('who is searched for', STEP_MS, async () => JSON.stringify(await shown()) === JSON.stringify([all[0].employee]));
    await page.fill('#tracking-search', 'nobody is called this');
    await page.locator('#tracking-empty button').click();
    await until('everybody again', STEP_MS, async () => await rows.count() === all.length && await page.inputValue('#tracking-search') === '');

    const superior = employees.find((person) => employees.some((other) => other.supervisor === person.id));
    const team = new Set([superior.id]);
    for (let grown = true; grown;) {
      const found = employees.filter((person) => team.has(person.supervisor) && !team.has(person.id));
      for (const person of found) team.add(person.id);
      grown = found.length > 0;
    }
    await page.selectOption('#tracking-team', superior.id);
    const members = [...team].filter((id) => all.some((row) => row.employee === id)).sort();
    await until('the team', STEP_MS, async () => JSON.stringify(await shown()) === JSON.stringify(members)
      || JSON.stringify(await shown()) === JSON.stringify(members.filter((id) => id !== superior.id)));
    await page.selectOption('#tracking-team', '');

    // States change while they are looked at: both are asked for until they agree.
    const agree = (what, keep) => until(what, STEP_MS, async () => {
      const wanted = (await ask('/api/status')).filter(keep).map((row) => row.employee).sort();
      return JSON.stringify(wanted) === JSON.stringify(await shown());
    });
    for (const state of ['available', 'absent', 'off', 'unknown', 'exempt']) {
      await page.selectOption('#tracking-state', state);
      await agree(`who is ${state}`, (row) => row.state === state);
    }
    for (const [key, keep] of [['present', (row) => row.state === 'available'], ['absent', (row) => row.state === 'absent'], ['total', () => true]]) {
      await page.click(`.tile[data-key="${key}"]`);
      assert.equal(await page.locator(`.tile[data-key="${key}"]`).getAttribute('aria-pressed'), 'true');
      await agree(`the tile ${key}`, keep);
    }
    for (const { id } of await ask('/api/areas')) {
      await page.selectOption('#tracking-area', id);
      await agree(`the area ${id}`, (row) => row.area === id);
    }
    await page.selectOption('#tracking-area', '');
  });

  test('the bell says who is gone, and leads to them', { timeout: RECOGNITION_MS + 60_000 }, async () => {
    await go('employees');
    const count = page.locator('#notice-count');
    const notices = await until('somebody is gone, and the bell counts them', RECOGNITION_MS, async () => {
      const all = await ask('/api/notices');
      return all.length > 0 && await count.isVisible() && await count.textContent() === String(all.length) ? all : null;
    });
    await page.click('#bell');
    const line = page.locator(`#notices .notice[data-employee="${notices[0].employee}"]`);
    await line.click();
    await page.locator('#view-live').waitFor();
    await page.locator(`#tracking-list .row[data-employee="${notices[0].employee}"]`).waitFor();
    assert.equal(await page.locator('#notices').isVisible(), false);
  });

  test('light, dark, or as the system has it; and out again', { timeout: 60_000 }, async () => {
    const theirs = await another({ colorScheme: 'light' });
    await theirs.goto(`${HADIR_URL}/#/settings`);
    const background = () => theirs.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const choose = (theme) => theirs.click(`[data-setting] [data-theme="${theme}"]`);
    const light = await background();
    await choose('dark');
    const dark = await background();
    assert.notEqual(dark, light);
    await theirs.reload();
    await theirs.locator('[data-setting] [data-theme="dark"][aria-pressed="true"]').waitFor();
    assert.equal(await background(), dark, 'it is kept');
    await choose('system');
    assert.equal(await background(), light);
    await theirs.emulateMedia({ colorScheme: 'dark' });
    assert.equal(await background(), dark);

    // A session of its own, so that the others stay.
    await theirs.context().clearCookies();
    await login(theirs);
    await theirs.click('#user-button');
    await theirs.locator('#user-menu [data-act="logout"]').click();
    await theirs.locator('#login-submit').waitFor();
    assert.equal(await theirs.evaluate(async () => (await fetch('/api/me')).status), 401);
    complaints.splice(0, complaints.length, ...complaints.filter((text) => !(text.includes('/api/me') && text.includes('401'))));
    await theirs.context().close();
  });

  test('alerts are told by the browser and by a sound, and answered on the page', { timeout: 2 * RECOGNITION_MS + 60_000 }, async () => {
    const theirs = await another();
    await theirs.addInitScript(() => {
      globalThis.told = [];
      globalThis.Notification = class {
        static permission = 'denied';
        static async requestPermission() { return this.permission; }
        constructor(title) { globalThis.told.push(title); }
        addEventListener() {}
        close() {}
      };
    });
    await theirs.goto(`${HADIR_URL}/#/alerts`);
    const notify = theirs.locator('[data-notify="notify"]');
    await notify.click();
    await theirs.locator('#view-alerts .error-line', { hasText: /\S/ }).waitFor();
    assert.equal(await notify.getAttribute('aria-pressed'), 'false', 'the browser forbids it');
    await theirs.evaluate(() => { Notification.permission = 'granted'; });
    await notify.click();
    await theirs.locator('[data-notify="notify"][aria-pressed="true"]').waitFor();
    await theirs.locator('[data-notify="sound"]').click();
    await theirs.locator('[data-notify="sound"][aria-pressed="true"]').waitFor();
    await theirs.locator('[data-notify="sound"]').click();
    await theirs.locator('[data-notify="sound"][aria-pressed="false"]').waitFor();
    const [title] = await until('the browser tells of an absence', RECOGNITION_MS, async () => {
      const told = await theirs.evaluate(() => globalThis.told);
      return told.length > 0 ? told : null;
    });
    assert.ok((await ask('/api/alerts?state=all')).some((alert) => title.includes(alert.name)), title);
    await theirs.context().close();

    await go('alerts');
    // They may come back while the button is looked for; then somebody else's is pressed.
    const answered = await until('an alert is answered', RECOGNITION_MS, async () => {
      const open = (await ask('/api/alerts')).find((alert) => alert.state === 'open');
      const button = open && page.locator(`[data-alert="${open.id}"] [data-act="ack"]`);
      if (!button || await button.count() === 0) return null;
      await button.click({ timeout: 2000 }).catch(() => {});
      await page.waitForTimeout(500);
      const now = await ask(`/api/alerts/${open.id}`);
      return now.acknowledged_at ? now : null;
    });
    assert.equal(answered.acknowledged_by, (await ask('/api/me')).name || system.HADIR_USER);
    const entries = answered.history.length;
    if (answered.state === 'closed') await page.locator('#view-alerts [aria-pressed="false"]', { hasText: 'Selesai' }).click();
    const card = page.locator(`[data-alert="${answered.id}"]`);
    await card.locator('[data-act="history"]').click();
    await until('its history', STEP_MS, async () => await card.locator('.history li:visible').count() >= entries);
    // A refusal because somebody else was quicker was not asked for, but may be.
    complaints.splice(0, complaints.length, ...complaints.filter((text) => !text.includes('409')));
  });

  test('an alert leads to the camera of whoever it is about', { timeout: RECOGNITION_MS + 60_000 }, async () => {
    await go('alerts');
    const employee = await until('an open alert with a camera', RECOGNITION_MS, async () => {
      const link = page.locator('#view-alerts [data-act="show"]').first();
      if (await link.count() === 0) return null;
      const of = await link.evaluate((el) => el.closest('[data-employee]').dataset.employee).catch(() => null);
      return of && await link.click({ timeout: 2000 }).then(() => of, () => null);
    });
    await page.locator('#view-live').waitFor();
    await page.locator(`.row[data-employee="${employee}"] .locate[aria-pressed="true"]`).waitFor();
    await page.locator(`.row[data-employee="${employee}"] .locate`).click();
    await page.locator('#tracked').waitFor({ state: 'hidden' });
  });

  test('employees are searched and shown piece by piece', { timeout: 60_000 }, async () => {
    const theirs = await another();
    const [person] = await ask('/api/employees');
    const many = Array.from({ length: 120 }, (_, n) => ({ ...person, id: `X${n}`, name: `Orang ${String(n).padStart(3, '0')}`, supervisor: null }));
    await theirs.route('**/api/employees', (route) => route.fulfill({ json: many }));
    await theirs.goto(`${HADIR_URL}/#/employees`);
    const rows = theirs.locator('#employee-table tbody tr');
    await until('the first fifty', STEP_MS, async () => await rows.count() === 50);
    await theirs.click('#employee-table [data-act="more"]');
    await until('fifty more', STEP_MS, async () => await rows.count() === 100);
    await theirs.click('#employee-table [data-act="more"]');
    await until('all', STEP_MS, async () => await rows.count() === 120 && await theirs.locator('#employee-table [data-act="more"]').count() === 0);
    await theirs.locator('#employee-search').pressSequentially('orang 11');
    await until('ten are called that', STEP_MS, async () => await rows.count() === 10);
    await theirs.fill('#employee-search', 'x7');
    await until('eleven have that id', STEP_MS, async () => await rows.count() === 11);
    await theirs.fill('#employee-search', 'nobody');
    await theirs.locator('#employee-table .empty').waitFor();
    await theirs.context().close();
  });

  test('a face is enrolled from files and from the computer\'s camera, tried, and erased', { timeout: 240_000 }, async () => {
    await send('DELETE', `/api/employees/${GUEST.id}`);
    assert.equal(await send('POST', '/api/employees', GUEST), 201);
    try {
      await context.grantPermissions(['camera']);
      await go('employees');
      const photos = async (id) => (await ask(`/api/employees/${id}`)).photos;
      const open = (id) => page.locator(`#employee-table tr[data-employee="${id}"] [data-act="enrol"]`).click();
      const verdicts = (state) => dialog().locator(`.photo-result[data-verdict="${state}"]`);

      // One more of somebody who is enrolled; a file that is no picture; a picture without a face.
      await open(ENROLLED);
      const before_ = await photos(ENROLLED);
      await page.setInputFiles('#photo-input', portrait('obama-2.jpg'));
      await verdicts('ok').waitFor({ timeout: 30_000 });
      assert.equal(await photos(ENROLLED), before_ + 1);
      await page.setInputFiles('#photo-input', [
        { name: 'kosong.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture') },
        { name: 'menu.png', mimeType: 'image/png', buffer: await page.locator('.nav').screenshot() },
        { name: 'surat.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-') },
      ]);
      await until('three are refused, each in words', 30_000, async () => await verdicts('refused').count() === 3);
      const words = await verdicts('refused').locator('.photo-verdict').allTextContents();
      assert.equal(new Set(words).size, 3, words.join(' | '));
      assert.equal(await photos(ENROLLED), before_ + 1);

      // "Does it work?"
      await page.setInputFiles('#test-input', portrait('obama-1.jpg'));
      await dialog().locator('.test-verdict[data-verdict="ok"]').waitFor({ timeout: 30_000 });
      await page.setInputFiles('#test-input', portrait('biden.jpg'));
      await dialog().locator('.test-verdict[data-verdict="refused"]').waitFor({ timeout: 30_000 });
      assert.equal(await photos(ENROLLED), before_ + 1, 'a trial enrols nothing');

      // Five from the camera of this computer.
      const files = await dialog().locator('.photo-result').count();
      await dialog().locator('[data-act="webcam"]').click();
      await until('a moving picture', STEP_MS, () => dialog().locator('video').evaluate((video) => video.videoWidth > 0));
      await dialog().locator('[data-act="shoot"]').click();
      await until('five more with a verdict', 90_000, async () => await dialog().locator('.photo-result').count() === files + 5
        && await verdicts('waiting').count() + await verdicts('checking').count() === 0);
      const taken = await verdicts('ok').count() - 1;
      assert.ok(taken > 0, (await dialog().locator('.photo-verdict').allTextContents()).join(' | '));
      assert.equal(await photos(ENROLLED), before_ + 1 + taken);
      // The camera is off again.
      await dialog().locator('.webcam').waitFor({ state: 'hidden' });
      await system.screenshot(page, 'enrol-photos');

      const eraser = dialog().locator('#eraser');
      await eraser.locator('button').click();
      await eraser.locator('.button.danger').click();
      await until('no template is left', STEP_MS, async () => await photos(ENROLLED) === 0);
      const agents = (await ask('/api/agents')).length;
      await until('every device has forgotten them', 60_000, async () => await eraser.locator('.erase-done').count() === agents);
      await page.setInputFiles('#photo-input', ['obama-1.jpg', 'obama-2.jpg'].map(portrait));
      await until('enrolled again', 30_000, async () => await photos(ENROLLED) === 2);
      await dialog().locator('.dialog-head button').click();

      // A photograph that is dropped; of somebody who is enrolled under another name.
      await open(GUEST.id);
      const file = (await readFile(portrait('obama-1.jpg'))).toString('base64');
      const transfer = await page.evaluateHandle((text) => {
        const data = new DataTransfer();
        data.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], 'jatuh.jpg', { type: 'image/jpeg' }));
        return data;
      }, file);
      await page.dispatchEvent('dialog[open] .drop', 'drop', { dataTransfer: transfer });
      await verdicts('refused').waitFor({ timeout: 30_000 });
      assert.ok((await verdicts('refused').textContent()).includes(ENROLLED));
      assert.equal(await photos(GUEST.id), 0);
      await dialog().locator('.dialog-head button').click();
    } finally {
      await send('DELETE', `/api/employees/${GUEST.id}`);
      complaints.splice(0, complaints.length, ...complaints.filter((text) => !/ 422 | 400 | 404 .*\/UJI9/.test(text)));
    }
  });

  test('a late difference is accepted or dismissed with a reason', { timeout: 60_000 }, async () => {
    const [{ employee, name }] = (await ask('/api/reports/daily')).people;
    const date = (await ask('/api/reports/daily?days=false')).from;
    const real = await ask(`/api/attendance/${employee}/${date}`);
    const wouldBe = { ...real, worked_s: real.worked_s + 1800 };
    let decided = [];
    // Data that arrives after the close of a day cannot be had within a test; the server's part has tests of its own.
    await page.route('**/api/attendance/differences', (route) => route.fulfill({ json: [{ employee, name, date, is: real, would_be: wouldBe }] }));
    await page.route(`**/api/attendance/${employee}/${date}`, async (route) => {
      if (route.request().method() === 'POST') decided.push(route.request().postDataJSON());
      await route.fulfill({ json: { ...real, state: 'final', would_be: wouldBe } });
    });
    try {
      await go('reports');
      const hours = (seconds) => page.evaluate(async (wanted) => (await import('/time.js')).hours(wanted), seconds);
      const [is, would] = [await hours(real.worked_s), await hours(wouldBe.worked_s)];
      assert.notEqual(is, would);
      const told = await page.locator('#reports-differences li').textContent();
      assert.ok(told.startsWith(name) && told.indexOf(is) < told.indexOf(would), `${told}: ${is}, ${would}`);
      for (const [act, what] of [['accept', 'accepted'], ['dismiss', 'dismissed']]) {
        await page.locator('#reports-differences button.link').first().click();
        await dialog().locator('.notice-line').waitFor();
        await dialog().locator(`[data-act="${act}"]`).click();
        await dialog().locator('.error-line', { hasText: 'alasan' }).waitFor();
        await dialog().locator('[name="reason"]').fill('Data terlambat');
        await dialog().locator(`[data-act="${act}"]`).click();
        await until(`it is ${what}`, STEP_MS, () => decided.length > 0);
        assert.equal(decided[0].what, what);
        assert.equal(decided[0].reason, 'Data terlambat');
        decided = [];
        await dialog().locator('.dialog-head button').click();
      }
    } finally {
      await page.unrouteAll({ behavior: 'wait' });
    }
  });

  test('a report is of whom and of when one chooses, down to the sightings, and is printed', { timeout: 60_000 }, async () => {
    await page.reload();
    await go('reports');
    const hash = () => page.evaluate(() => location.hash);
    const employees = await ask('/api/employees');
    const superior = employees.find((person) => employees.some((other) => other.supervisor === person.id));
    await page.selectOption('#view-reports .who-kind', 'team');
    await page.fill('#view-reports .who-person', superior.name);
    await page.locator('#view-reports .who-person').press('Enter');
    await until('their team', STEP_MS, async () => (await hash()).includes(`team=${superior.id}`));
    const rows = page.locator('#reports-tables tbody tr');
    const team = (await ask(`/api/reports/daily?team=${superior.id}`)).people.length;
    await until('the people of the team', STEP_MS, async () => await rows.count() === team);
    await page.click('#view-reports [data-preset="yesterday"]');
    await until('yesterday', STEP_MS, async () => /from=\d{4}-\d\d-\d\d/.test(await hash()) && await page.locator('#view-reports [data-preset="yesterday"][aria-pressed="true"]').count() === 1);
    await page.locator('#view-reports input[name="from"]').fill('2031-01-02');
    await page.locator('#view-reports input[name="to"]').fill('2031-01-01');
    await page.locator('#view-reports .period .error-line', { hasText: /\S/ }).waitFor();
    await page.click('#view-reports [data-preset="today"]');
    await page.selectOption('#view-reports .who-kind', '');
    await until('everybody', STEP_MS, async () => !(await hash()).includes('team='));

    const seen = (await ask('/api/status')).find((row) => row.last_seen);
    await page.locator('#reports-tables tbody tr', { hasText: seen.name }).locator('button.link').click();
    await dialog().locator('[data-part="sightings"] summary').click();
    await until('each track that a camera followed', STEP_MS, async () => await dialog().locator('[data-part="sightings"] tbody tr').count() > 0);
    await dialog().locator('.dialog-head button').click();

    await page.evaluate(() => { globalThis.print = () => { globalThis.printed = true; }; });
    await page.click('#view-reports [data-act="print"]');
    assert.equal(await page.evaluate(() => globalThis.printed), true);
  });

  test('whoever begins is led from nothing to the first recognised face', { timeout: 60_000 }, async () => {
    const theirs = await another();
    const real = {};
    for (const topic of ['agents', 'cameras', 'employees', 'status']) {
      real[topic] = false;
      await theirs.route(`**/api/${topic}`, (route) => (real[topic] ? route.continue() : route.fulfill({ json: [] })));
    }
    // Nothing happens yet at a site that begins: the page is greeted, and no more.
    await theirs.routeWebSocket(/\/events/, (socket) => {
      const server = socket.connectToServer();
      server.onMessage((message) => {
        if (typeof message === 'string' && JSON.parse(message).type === 'hello') socket.send(message);
      });
    });
    const guide = theirs.locator('#first-run');
    const next = () => guide.locator('li[aria-current="step"] strong').textContent();
    const steps = [];
    for (const topic of ['agents', 'cameras', 'employees', 'status']) {
      await theirs.goto('about:blank');
      await theirs.goto(`${HADIR_URL}/#/live`);
      await guide.waitFor();
      steps.push(await next());
      if (topic === 'agents') {
        await system.screenshot(theirs, 'first-run');
        await guide.locator('li[aria-current="step"] a').click();
        await theirs.locator('#view-devices h1').waitFor();
      }
      real[topic] = true;
    }
    assert.equal(new Set(steps).size, 4, steps.join(' | '));
    assert.equal(await guide.locator('li.done').count(), 4);
    await theirs.goto('about:blank');
    await theirs.goto(`${HADIR_URL}/#/live`);
    await theirs.locator('#tracking-list .row').first().waitFor();
    await until('the guide is gone', STEP_MS, async () => !await guide.isVisible());
    await theirs.context().close();
  });

  test('a lost connection is tried again when one says so', { timeout: 60_000 }, async () => {
    const theirs = await another();
    const lines = [];
    let lost = false;
    await theirs.routeWebSocket(/\/events/, (socket) => {
      lines.push(socket);
      if (lost) socket.close();
      else socket.connectToServer();
    });
    await theirs.goto(`${HADIR_URL}/#/live`);
    await theirs.locator('#tracking-list .row').first().waitFor();
    lost = true;
    for (const line of lines) await line.close();
    await theirs.locator('#disconnected').waitFor({ timeout: STEP_MS });
    // By itself it tries more and more seldom.
    await theirs.waitForTimeout(5000);
    const tries = lines.length;
    await theirs.click('#reconnect');
    await until('it tries at once', 1000, () => lines.length > tries);
    lost = false;
    await theirs.locator('#disconnected').waitFor({ state: 'hidden', timeout: STEP_MS });
    await theirs.context().close();
  });

  test('no error in the console, and nothing asked of anybody else', () => {
    assert.deepEqual(complaints, []);
    assert.deepEqual(foreign, []);
  });
});
