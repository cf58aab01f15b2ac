//! The aggregator's inside: what the edges (web, MQTT, command line) may ask of it.
//!
//! All methods but [`Core::call`] and [`Core::run`] block on the store for milliseconds: in asynchronous code
//! go through `call`, which runs them on a thread where blocking is allowed. [`Core::may_see`],
//! [`Core::name_of`], [`Core::banners`], [`Core::settings`] and [`Core::now`] never wait for the store.
//!
//! ```ignore
//! let rows = core.call(move |core| core.status(&viewer)).await?;
//! ```
//!
//! Every change runs in [`Core::update`]: the state's lock, one transaction, then the events. If the
//! transaction fails, the state is read from the store again, so memory never runs ahead of the disk.

mod absences;
mod alerts;
pub mod attendance;
mod badges;
mod cameras;
mod commands;
mod devices;
mod digests;
pub mod import;
mod incoming;
mod message_templates;
mod occupancy;
mod outbox;
mod people;
mod phone;
mod policies;
mod schedules;
pub mod settings;
mod silence;
mod site_settings;
mod state;
mod stretches;
mod templates;
mod test_message;
mod thresholds;
pub mod types;
mod users;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hadir_shared::clock::Clock;
use tokio::sync::broadcast;

use self::outbox::Line;
pub use self::settings::Settings;
use self::state::{Changes, Memory, People};
pub use self::types::*;
use crate::error::{Error, ErrorKind, Result};
use crate::notify::mail::Mail;
use crate::notify::{Channel, Messenger};
use crate::presence::Watch;
use crate::store::{Store, Tx};

/// Events that a subscriber may fall behind. A thousand employees make about a hundred a second.
const EVENTS: usize = 4096;

/// How often it is noted that the aggregator lives. After a restart, so much may count as blind time in excess.
const ALIVE_EVERY: TimeDelta = TimeDelta::seconds(10);

/// A tick is due every second; after such a pause (a suspended machine, a clock that was set) nobody was
/// watching.
const PAUSE: TimeDelta = TimeDelta::seconds(30);

/// How often what is no longer needed is forgotten.
const FORGET_EVERY: TimeDelta = TimeDelta::hours(1);

/// One site's presence, alerts and messages over its store.
pub struct Core {
    settings: Settings,
    presence: Presence,
    clock: Arc<dyn Clock>,
    store: Store,
    state: Mutex<Memory>,
    people: RwLock<People>,
    banners: Mutex<BTreeMap<&'static str, Banner>>,
    /// WhatsApp's and e-mail's.
    lines: (Line, Line),
    /// Held while a document is made.
    documents: tokio::sync::Mutex<()>,
    template_problems: Mutex<message_templates::Problems>,
    events: broadcast::Sender<Event>,
}

/// What a core is to its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// It runs, and watches.
    Runs,
    /// A command that looks in: the aggregator's time does not go on by it.
    Visits,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("site", &self.settings.site)
            .finish_non_exhaustive()
    }
}

impl Core {
    /// Opens (or makes) the store and takes up the state that it holds. Nobody counts as watched since the
    /// aggregator last lived, until the agents are heard again.
    ///
    /// # Errors
    /// When the store cannot be opened, or holds what it must not.
    pub fn open(settings: Settings, clock: Arc<dyn Clock>) -> Result<Arc<Self>> {
        let store = Store::open(&settings.database)?;
        let now = clock.now();
        let alive = store.write(|tx| {
            let alive = tx.alive_at()?;
            tx.set_all_offline(alive)?;
            // Nobody knows whether these went out. A webhook may still say; else they go again.
            let lost = tx.recover_sending(now + crate::notify::backoff::UNCERTAIN_WAIT, now)?;
            if lost > 0 {
                tracing::warn!(
                    messages = lost,
                    "stopped while sending; they go again unless confirmed"
                );
            }
            Ok(alive)
        })?;
        let core = Self::load(settings, Presence::Runs, clock, store, alive)?;
        core.store.write(|tx| core.begin_digests(tx, core.now()))?;
        // Quiet hours may be others than before.
        core.update(|state, tx, changes| core.reschedule(state, tx, changes, core.now()))?;
        core.show_silence()?;
        // The store was written just now. Whatever else fails is no reason to watch nobody.
        if let Err(error) = core.tick() {
            tracing::error!(%error, "the first tick failed");
        }
        Ok(core)
    }

    /// Opens (or makes) the store beside whoever runs on it, for a command: what is known of agents, of
    /// messages on their way and of the time stays as it is.
    ///
    /// # Errors
    /// When the store cannot be opened, or holds what it must not.
    pub fn visit(settings: Settings, clock: Arc<dyn Clock>) -> Result<Arc<Self>> {
        let store = Store::open(&settings.database)?;
        let alive = store.write(|tx| tx.alive_at())?;
        Self::load(settings, Presence::Visits, clock, store, alive)
    }

    fn load(
        settings: Settings,
        presence: Presence,
        clock: Arc<dyn Clock>,
        store: Store,
        alive: DateTime<Utc>,
    ) -> Result<Arc<Self>> {
        let (state, people) = store.read(|reader| Memory::load(reader, &settings, alive))?;
        Ok(Arc::new(Self {
            settings,
            presence,
            clock,
            store,
            state: Mutex::new(state),
            people: RwLock::new(people),
            banners: Mutex::default(),
            lines: Default::default(),
            documents: Default::default(),
            template_problems: Mutex::default(),
            events: broadcast::channel(EVENTS).0,
        }))
    }

    /// Runs `f` on a thread where blocking is allowed.
    ///
    /// # Errors
    /// Those of `f`.
    pub async fn call<T, F>(self: &Arc<Self>, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> Result<T> + Send + 'static,
    {
        let core = self.clone();
        match tokio::task::spawn_blocking(move || f(&core)).await {
            Ok(result) => result,
            Err(error) => {
                tracing::error!(%error, "a call into the core did not end");
                Err(Error::internal("Something went wrong here; the log says what."))
            }
        }
    }

    /// Ticker, housekeeping and message worker, until dropped.
    ///
    /// # Errors
    /// When the client for WhatsApp cannot be made.
    pub async fn run(self: Arc<Self>) -> Result<()> {
        let mut messengers: Vec<(Channel, Arc<dyn Messenger>)> = Vec::new();
        if let Some(whatsapp) = &self.settings.whatsapp {
            messengers.push((Channel::Whatsapp, whatsapp.messenger()?));
        }
        if let Some(email) = self.settings.email.clone() {
            messengers.push((Channel::Email, Arc::new(Mail::new(email))));
        }
        let ticker = async {
            let mut interval = tokio::time::interval(Duration::from_secs(1));
            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                interval.tick().await;
                if let Err(error) = self.call(Self::tick).await {
                    tracing::error!(%error, "tick failed");
                }
            }
        };
        let workers = messengers
            .into_iter()
            .map(|(channel, messenger)| self.deliver(channel, messenger));
        tokio::join!(
            ticker,
            self.check_templates(),
            futures_util::future::join_all(workers)
        );
        Ok(())
    }

    /// What has become due, becomes so. To be called every second; [`Self::run`] does.
    ///
    /// # Errors
    /// When the store cannot be written. The next tick tries again.
    pub fn tick(&self) -> Result<()> {
        let now = self.now();
        if let Some(version) = self.store.changed_elsewhere()? {
            self.take_up_store(now)?;
            self.store.took_up(version);
        }
        let (due, forget, over, digests, attendance) = {
            let mut state = self.lock();
            let paused = state
                .last_tick
                .is_some_and(|last| now - last > PAUSE || now < last - PAUSE);
            let due = paused
                || state.engine.next_due().is_some_and(|due| due <= now)
                || state.next_climb.is_some_and(|due| due <= now)
                || state.stretches.due(now)
                || now - state.last_alive >= ALIVE_EVERY
                || now < state.last_alive;
            let forget = state.last_forget.is_none_or(|last| now - last >= FORGET_EVERY);
            if !paused && !due {
                state.last_tick = Some(now);
            }
            let digests = state.next_digest.is_none_or(|due| due <= now);
            let over = state.silence_until.is_some_and(|until| until <= now);
            (due, forget, over, digests, self.attendance_due(&state, now))
        };
        if due {
            self.update(|state, tx, changes| {
                if let Some(last) = state.last_tick.replace(now)
                    && (now - last > PAUSE || now < last - PAUSE)
                {
                    tracing::warn!(
                        seconds = (now - last).num_seconds(),
                        "paused: nobody counts as watched meanwhile"
                    );
                    self.pause(state, tx, changes, last, now)?;
                }
                self.write_stretches(state, tx, now)?;
                let decisions = state.engine.tick(now);
                self.apply(state, tx, changes, decisions, now)?;
                for alert in tx.climbs_due(now)? {
                    self.escalate(state, tx, changes, alert, now)?;
                }
                Ok(())
            })?;
        }
        if over {
            self.lock().silence_until = None;
            self.show_silence()?;
        }
        // What fails here keeps neither presence nor the rest of this from going on.
        let settled = if attendance { self.settle(now) } else { Ok(()) };
        // After the day was planned that they tell of.
        let digests = if digests { self.tell_digests(now) } else { Ok(()) };
        let forgotten = match forget {
            true => self.forget(now),
            false => Ok(()),
        };
        let erased = self.store.finish_erasure().map(|_| ());
        settled.and(digests).and(forgotten).and(erased)
    }

    fn forget(&self, now: DateTime<Utc>) -> Result<()> {
        let more = self
            .store
            .write(|tx| tx.forget(&self.attendance_rules(tx)?, now))?;
        // What is more than one portion goes on with the next tick.
        self.lock().last_forget = (!more).then_some(now);
        Ok(())
    }

    /// A command (`import employees`, `user add`) wrote into the store beside us.
    fn take_up_store(&self, now: DateTime<Utc>) -> Result<()> {
        tracing::info!("the store was changed by a command");
        let mut state = self.lock();
        let (loaded, people) = self
            .store
            .read(|reader| Memory::load(reader, &self.settings, now))?;
        state.reload(loaded);
        self.set_people(people);
        drop(state);
        let gallery = self.store.read(|reader| reader.gallery_version())?;
        let everybody = self.store.read(|reader| reader.superiors())?;
        let changes = Changes {
            people: true,
            status: everybody.into_iter().map(|(id, _)| id).collect(),
            gallery: Some(gallery),
            ..Changes::default()
        };
        self.publish(changes, now);
        Ok(())
    }

    /// Nobody was watching between `last` and `now`.
    fn pause(
        &self,
        state: &mut Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        last: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let watching: Vec<_> = state
            .cameras
            .values()
            .filter(|c| state.engine.watch(&c.id) == Watch::On)
            .cloned()
            .collect();
        for camera in &watching {
            // Before anything becomes due by the time that has passed unwatched.
            let from = last.min(now);
            state.engine.stop_watching(&camera.id, from);
        }
        for camera in watching {
            let decisions = state
                .engine
                .set_camera(&camera.id, &camera.area, Watch::On, now, now);
            self.apply(state, tx, changes, decisions, now)?;
            self.save_watch(state, tx, &camera.id)?;
        }
        Ok(())
    }

    /// Every change from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// What the core was told when it was opened.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The time by the core's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// What an administrator must know, for those who may mend it.
    pub fn banners(&self, viewer: &Viewer) -> Vec<Banner> {
        match viewer.role {
            Role::Admin | Role::Hr => self
                .banners
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .values()
                .cloned()
                .collect(),
            Role::Supervisor | Role::Technician => Vec::new(),
        }
    }

    /// Says something to the administrators until it is mended.
    pub fn raise_banner(&self, banner: Banner) {
        let before = self
            .banners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(banner.key, banner.clone());
        if before.as_ref() != Some(&banner) {
            self.publish_event(Event::Banner(banner));
        }
    }

    /// It is mended.
    pub fn clear_banner(&self, key: &'static str) {
        let before = self
            .banners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
        if before.is_some() {
            self.publish_event(Event::BannerCleared(key));
        }
    }

    /// Looks the store over like fsck; gives what is wrong, empty when all is well.
    ///
    /// # Errors
    /// When the store cannot be read at all.
    pub fn check(&self) -> Result<Vec<String>> {
        self.store.check()
    }

    /// Writes a consistent copy of the store to `to`, which must not exist, while it is in use.
    ///
    /// # Errors
    /// When `to` exists or cannot be written; then nothing is left there.
    pub fn backup(&self, to: &Path) -> Result<()> {
        self.store.backup(to)
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        // The state is read from the store again whenever a change failed half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes state and store together; see the module's description. `f` must check what it was asked
    /// before it touches the state.
    fn update<T>(&self, f: impl FnOnce(&mut Memory, &Tx<'_>, &mut Changes) -> Result<T>) -> Result<T> {
        let now = self.now();
        let mut changes = Changes::default();
        let mut state = self.lock();
        state.stretches.begin_change();
        let result = self.store.write(|tx| {
            let value = f(&mut state, tx, &mut changes)?;
            if !changes.alerts.is_empty() {
                state.next_climb = tx.next_climb()?;
            }
            if self.presence == Presence::Runs {
                tx.set_alive(now)?;
            }
            Ok(value)
        });
        match &result {
            Ok(_) => state.last_alive = now,
            Err(error) if matches!(error.kind, ErrorKind::Internal | ErrorKind::Unavailable) => {
                match self
                    .store
                    .read(|reader| Memory::load(reader, &self.settings, now))
                {
                    Ok((loaded, people)) => {
                        state.reload(loaded);
                        self.set_people(people);
                    }
                    Err(error) => tracing::error!(%error, "the state could not be read again"),
                }
            }
            Err(_) => state.stretches.undo_change(),
        }
        if result.is_ok() && changes.people {
            let people = self.store.read(People::load);
            people.map(|people| self.set_people(people))?;
        }
        drop(state);
        if result.is_ok() {
            self.publish(changes, now);
        }
        result
    }

    fn set_people(&self, people: People) {
        *self.people.write().unwrap_or_else(PoisonError::into_inner) = people;
    }

    fn people(&self) -> std::sync::RwLockReadGuard<'_, People> {
        self.people.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish_event(&self, event: Event) {
        // Without a subscriber nobody misses it.
        let _ = self.events.send(event);
    }

    /// Tells the subscribers what changed.
    fn publish(&self, changes: Changes, now: DateTime<Utc>) {
        if changes.queued {
            Channel::ALL
                .into_iter()
                .for_each(|channel| self.line(channel).wake());
        }
        for banner in &changes.banners {
            self.raise_banner(banner.clone());
        }
        if self.events.receiver_count() == 0 {
            return;
        }
        let events = self.store.read(|reader| {
            let mut events = Vec::new();
            if changes.people {
                events.push(Event::Employees);
            }
            events.extend(
                reader
                    .status_of(&changes.status, now)?
                    .into_iter()
                    .map(Event::Status),
            );
            if changes.states || changes.people {
                events.push(Event::Summary);
            }
            for id in &changes.alerts {
                events.extend(reader.alert(*id)?.map(Event::Alert));
            }
            for id in &changes.cameras {
                events.extend(reader.camera(id)?.map(Event::Camera));
            }
            let agents = reader.agents()?;
            if let Some(version) = changes.gallery {
                events.push(Event::Gallery {
                    version,
                    agents: agents.iter().map(|a| a.id.clone()).collect(),
                });
            }
            events.extend(
                agents
                    .into_iter()
                    .filter(|a| changes.agents.contains(&a.id))
                    .map(Event::Agent),
            );
            Ok(events)
        });
        match events {
            Ok(events) => events.into_iter().for_each(|event| self.publish_event(event)),
            Err(error) => tracing::error!(%error, "changes could not be published"),
        }
    }
}

#[cfg(test)]
mod tests;
