// The event WebSocket: reconnects with backoff, reads everything anew on `hello`, applies what comes after.
// Events that arrive while the snapshot is being fetched are kept and applied on top of it.

import { backoff, get, socketAddress } from './api.js';
import { emit, load, seesPeople, store, takeRow, topicsInSight } from './store.js';
import { setServerTime } from './time.js';
import { throttle } from './utils.js';

/** How long the socket may be silent before the server is asked whether it is still there. */
const SILENCE_MS = 20_000;

const reloadNotices = throttle(2000, () => load('notices').catch(() => {}));
const reloadPeople = throttle(1000, () => load('employees', 'status', 'summary', 'notices', 'alerts').catch(() => {}));

function apply(event) {
  switch (event.type) {
    case 'status': {
      if (!seesPeople()) break;
      const before = store.status.get(event.row.employee);
      takeRow('status', event.row.employee, event.row);
      emit('status');
      if (before?.state !== event.row.state) reloadNotices();
      break;
    }
    case 'summary':
      store.summary = event.summary;
      emit('summary');
      break;
    case 'employees':
      if (seesPeople()) reloadPeople();
      break;
    case 'camera': {
      const rest = store.cameras.filter((camera) => camera.id !== event.camera.id);
      store.cameras = [...rest, event.camera].sort((a, b) => a.number - b.number);
      emit('cameras');
      break;
    }
    case 'alert':
      takeRow('alerts', event.alert.id, event.alert);
      emit('alerts');
      break;
    case 'banner':
      store.banners.set(event.key ?? '', { level: event.level, message: event.message });
      emit('banners');
      break;
    case 'banner_cleared':
      store.banners.delete(event.key ?? '');
      emit('banners');
      break;
    default:
      // A newer server may say more than this page understands.
  }
}

export class Events {
  #socket = null;
  #attempt = 0;
  #timer = 0;
  #heard = 0;
  #stopped = true;
  #pending = null;
  #watch = 0;
  /** When the connection was lost, by this machine's clock; null while it stands. */
  lostAt = null;

  start() {
    this.#stopped = false;
    this.#connect();
    this.#watch = setInterval(() => this.#checkSilence(), 5000);
    addEventListener('offline', this.#dropped);
    addEventListener('online', this.#retry);
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    removeEventListener('offline', this.#dropped);
    removeEventListener('online', this.#retry);
    this.#close();
    this.lostAt = null;
  }

  /** Tries again at once. */
  retry() {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#close();
    this.#connect();
  }

  #retry = () => this.retry();
  #dropped = () => this.#lost();

  #close() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #connect() {
    const socket = new WebSocket(socketAddress('/api/events'));
    this.#socket = socket;
    this.#heard = Date.now();
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      this.#heard = Date.now();
      let event;
      try {
        event = JSON.parse(data);
      } catch {
        return;
      }
      if (event.type === 'hello') this.#hello(socket, event);
      else if (this.#pending) this.#pending.push(event);
      else apply(event);
    };
    socket.onclose = () => {
      if (socket === this.#socket) this.#lost();
    };
  }

  async #hello(socket, event) {
    setServerTime(event.now);
    this.#pending = [];
    // Those that still hold are told again after the greeting.
    store.banners.clear();
    try {
      const [me] = await Promise.all([get('/api/me'), load(...topicsInSight())]);
      if (socket !== this.#socket) return;
      store.me = me;
      emit('me');
      const kept = this.#pending;
      this.#pending = null;
      kept.forEach(apply);
      this.#attempt = 0;
      this.lostAt = null;
      emit('connection');
      emit('connected');
    } catch (error) {
      if (socket !== this.#socket) return;
      if (error.code !== 'network' && error.code !== 'unavailable') store.loadError = error;
      this.#lost();
    }
  }

  #lost() {
    if (this.#stopped) return;
    this.#close();
    this.#pending = null;
    clearTimeout(this.#timer);
    this.lostAt ??= Date.now();
    emit('connection');
    const wait = backoff(this.#attempt);
    this.#attempt += 1;
    this.#timer = setTimeout(() => this.#attemptAgain(), wait);
  }

  async #attemptAgain() {
    // A refused WebSocket does not say why; this request does: when the session has ended, the login page comes.
    if (this.#attempt > 1) {
      try {
        await get('/api/me');
      } catch {
        this.#lost();
        return;
      }
    }
    if (!this.#stopped && this.#socket === null) this.#connect();
  }

  async #checkSilence() {
    if (this.#socket === null || Date.now() - this.#heard < SILENCE_MS) return;
    const socket = this.#socket;
    this.#heard = Date.now();
    try {
      setServerTime((await get('/api/me')).now);
    } catch {
      if (socket === this.#socket) this.#lost();
    }
  }
}
