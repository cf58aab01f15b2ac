// What the dashboard does when its WebSocket is cut and when the aggregator is gone: it says so, shows nothing old as
// new, and goes on by itself with nothing missed. HADIR_CONTROL is the address by which the aggregator is killed
// (POST /kill) and started (POST /start).

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as system from './system.mjs';
import { DESK, HADIR_PASSWORD, HADIR_URL, HADIR_USER, STEP_MS, launch, login, until } from './system.mjs';

const { HADIR_CONTROL } = process.env;
assert.ok(HADIR_CONTROL, 'Set HADIR_CONTROL: this test restarts the aggregator.');
/** A page waits up to 8 s between two attempts. */
const BACK_MS = 30_000;
const SOMEBODY = { id: 'UJI-PUTUS', name: 'Uji Putus' };

let browser;
let context;
let page;
let other;
const complaints = [];
const foreign = [];

const ask = (address) => system.ask(page, address);
const row = (id) => page.locator(`.row[data-employee="${id}"]`);
const lost = () => page.locator('#disconnected');
const dimmed = () => page.evaluate(() => document.body.classList.contains('disconnected'));

async function control(act) {
  const answer = await fetch(`${HADIR_CONTROL}/${act}`, { method: 'POST' });
  assert.equal(answer.status, 200, await answer.text());
}

/** Somebody else, logged in elsewhere, changes something. */
async function change(method, address, data) {
  const answer = await other.request.fetch(`${HADIR_URL}${address}`, { method, data });
  assert.ok(answer.ok(), `${method} ${address}: ${answer.status()} ${await answer.text()}`);
}

/** The page shows for everybody what the aggregator says of them. */
async function showsTheTruth() {
  await until('every row is as the aggregator has it', BACK_MS, async () => {
    const rows = await ask('/api/status');
    const shown = await page.evaluate(() => Object.fromEntries(
      [...document.querySelectorAll('#tracking-list .row')].map(({ dataset }) => [dataset.employee, dataset.state])));
    return Object.keys(shown).length === rows.length && rows.every(({ employee, state }) => shown[employee] === state);
  });
  await until('the summary is as the aggregator has it', BACK_MS, async () => {
    const summary = await ask('/api/summary');
    const shown = await page.locator('.tile[data-key="total"] .tile-number').textContent();
    return shown === String(summary.total);
  });
}

describe('a cut', { concurrency: false }, () => {
  before(async () => {
    browser = await launch();
    context = await browser.newContext({ viewport: DESK, locale: 'id-ID' });
    page = await context.newPage();
    system.watch(page, complaints, foreign);
    await login(page);
    // A page that loads itself anew would lose what it knows.
    await page.evaluate(() => { window.stays = true; });
    other = await browser.newContext();
    await change('POST', '/api/login', { username: HADIR_USER, password: HADIR_PASSWORD });
  }, { timeout: 90_000 });

  after(async () => {
    await browser?.close();
  }, { timeout: 30_000 });

  test('what happens while the WebSocket is cut is there when it is back', { timeout: 120_000 }, async () => {
    await showsTheTruth();
    await context.setOffline(true);
    await lost().waitFor();
    assert.equal(await dimmed(), true);
    await change('POST', '/api/employees', SOMEBODY);
    assert.equal(await row(SOMEBODY.id).count(), 0, 'the page cannot know yet');
    await context.setOffline(false);
    await lost().waitFor({ state: 'hidden', timeout: BACK_MS });
    await row(SOMEBODY.id).waitFor();
    await showsTheTruth();
    assert.equal(await dimmed(), false);
  });

  test('an aggregator that is killed and started again is taken up where it left off', { timeout: 180_000 }, async () => {
    const before = await ask('/api/alerts?state=all');
    await control('kill');
    await lost().waitFor();
    const counted = await page.locator('#disconnected-seconds').textContent();
    assert.match(counted, /\d+ dtk/);
    await until('the seconds are counted', STEP_MS, async () => await page.locator('#disconnected-seconds').textContent() !== counted);
    assert.equal(await dimmed(), true);
    await system.screenshot(page, 'aggregator-gone');
    await control('start');
    await lost().waitFor({ state: 'hidden', timeout: BACK_MS });
    assert.equal(await dimmed(), false);
    assert.equal(await page.evaluate(() => window.stays), true, 'the page was not loaded anew');
    assert.equal(await page.locator('#login-submit').isVisible(), false, 'the session outlives the aggregator');
    await showsTheTruth();
    const now = new Set((await ask('/api/alerts?state=all')).map(({ id }) => id));
    assert.deepEqual(before.map(({ id }) => id).filter((id) => !now.has(id)), [], 'no alert was lost');
  });

  test('then the live picture moves again, and changes arrive as they happen', { timeout: 120_000 }, async () => {
    const frames = () => page.evaluate(() => Number(document.getElementById('stage').dataset.frames));
    const live = () => page.evaluate(() => document.getElementById('stage').dataset.state);
    await until('a live picture', 60_000, async () => await live() === 'live');
    const seen = await frames();
    await until('new frames', STEP_MS, async () => await frames() > seen);
    await change('DELETE', `/api/employees/${SOMEBODY.id}`);
    await row(SOMEBODY.id).waitFor({ state: 'detached' });
    await showsTheTruth();
  });

  test('no request left the origin', () => {
    assert.deepEqual(foreign, []);
    // What the browser itself says about a server that is gone is expected; an error of the page is not.
    assert.deepEqual(complaints.filter((line) => !/net::ERR|WebSocket|Failed to load resource/.test(line)), []);
  });
});
