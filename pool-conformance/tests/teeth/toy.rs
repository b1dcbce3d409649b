//! A work-stealing toy under one lock, with faults to choose from.
//!
//! Some faults cannot be written any more, since the types of `inject_if` exclude them: to keep an item that was
//! refused, or to give another one back (a refused item never comes in, and nothing goes back); to ask twice (the
//! question is `FnOnce`); to leave the closing thread without a lock to pass (it goes through `inject_if`, and the
//! strategy cannot tell it from a submitter before it has asked); to claim a lock without one (`Asking::under` takes a
//! guard). What can still be written is here: the guard of a wrong lock, no question at all, an item that is admitted
//! and dropped, and one that is put away outside the lock.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use pool_conformance::bare::Item;
use pool_core::strategy::{Admit, Asking, Scheduler, Worker};

pub(crate) const LOOK_OUTSIDE_EVERY: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    Loses,
    LosesInRace,
    Duplicates,
    LeaksWhenDropped,
    ForgetsPanickingBatch,
    HidesOwn,
    NoneAfterLostRace,
    EmptyForgetsWorkers,
    NeverEmpty,
    UnseenWhileMoving,
    ForgetsOnRetire,
    ForgetsOnDrop,
    OwnOldestFirst,
    StealsNewest,
    NeverLooksOutside,
    Moody,
    AsksUnderALockOfItsOwn,
    AsksUnderOneOfTwoLocks,
    DoesNotAsk,
    DropsWhatIsAdmitted,
    PutsAwayOutsideTheLock,
    LooksUnlocked,
}

/// What can be doubled: plain integers, but not the counted items.
pub(crate) trait Twin: Send + Sized {
    fn twin(&self) -> Option<Self>;
}

impl Twin for u64 {
    fn twin(&self) -> Option<Self> {
        Some(*self)
    }
}

impl Twin for Item {
    fn twin(&self) -> Option<Self> {
        None
    }
}

/// A flag on a cache line of its own: a store to it takes its time, and shows whether a promise relies on it.
#[derive(Default)]
#[repr(align(128))]
struct Flag(AtomicBool);

struct State<T> {
    outside: VecDeque<T>,
    own: BTreeMap<usize, VecDeque<T>>,
    names: usize,
    injected: usize,
}

pub(crate) struct Toy<T> {
    fault: Fault,
    state: Mutex<State<T>>,
    /// For `Fault::LooksUnlocked`: whether anything waits.
    waiting: Flag,
    /// For `Fault::PutsAwayOutsideTheLock`: what was admitted and is not in its place yet, and whether there is
    /// anything.
    lobby: Mutex<VecDeque<T>>,
    in_lobby: Flag,
    /// For `Fault::AsksUnderOneOfTwoLocks`.
    other: Mutex<()>,
    /// Calls of `inject_if`.
    calls: AtomicUsize,
}

impl<T> Toy<T> {
    pub(crate) fn new(fault: Fault) -> Self {
        let state = State { outside: VecDeque::new(), own: BTreeMap::new(), names: 0, injected: 0 };
        Self {
            fault,
            state: Mutex::new(state),
            waiting: Flag::default(),
            lobby: Mutex::new(VecDeque::new()),
            in_lobby: Flag::default(),
            other: Mutex::new(()),
            calls: AtomicUsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        let has_arrived = self.has_arrived();
        self.fetched(self.state.lock().unwrap(), has_arrived)
    }

    /// Whether something lies in the lobby. Asked without the lock, and before it is taken: the sooner after the last
    /// word of the thread that looks, the more often the promise shows to be wrong.
    fn has_arrived(&self) -> bool {
        self.fault == Fault::PutsAwayOutsideTheLock && self.in_lobby.0.load(Ordering::Acquire)
    }

    /// The state with what lay in the lobby, if something has arrived there.
    fn fetched<'a>(&self, mut state: MutexGuard<'a, State<T>>, has_arrived: bool) -> MutexGuard<'a, State<T>> {
        if has_arrived {
            let mut lobby = self.lobby.lock().unwrap();
            self.in_lobby.0.store(false, Ordering::Relaxed);
            state.outside.append(&mut lobby);
        }
        state
    }

    fn put(&self, mut state: MutexGuard<'_, State<T>>, item: T)
    where
        T: Twin,
    {
        state.injected += 1;
        if self.fault == Fault::Loses && state.injected % 20 == 0 {
            return;
        }
        let twin = if self.fault == Fault::Duplicates && state.injected % 20 == 0 { item.twin() } else { None };
        state.outside.extend(Some(item).into_iter().chain(twin));
        drop(state);
        self.announce();
    }

    /// After an item was put away. The lock is no longer held.
    fn announce(&self) {
        self.waiting.0.store(true, Ordering::Release);
    }

    fn sees_nothing(&self) -> bool {
        self.fault == Fault::LooksUnlocked && !self.waiting.0.load(Ordering::Acquire)
    }
}

impl<T> Drop for Toy<T> {
    fn drop(&mut self) {
        if self.fault == Fault::LeaksWhenDropped {
            mem::forget(mem::take(&mut self.lock().outside));
        }
    }
}

impl<T: Twin> Scheduler<T> for Toy<T> {
    type Hint = ();
    type Worker = ToyWorker<T>;

    fn attach(self: &Arc<Self>, _seed: u64) -> ToyWorker<T> {
        let mut state = self.lock();
        let name = state.names;
        state.names += 1;
        state.own.insert(name, VecDeque::new());
        ToyWorker { shared: Arc::clone(self), name, calls: 0, retiring: false }
    }

    fn inject(&self, item: T, _hint: Option<()>) {
        self.put(self.lock(), item);
    }

    fn inject_if(&self, admit: impl FnOnce(Asking<'_>) -> Admit<T, ()>) {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        if self.fault == Fault::DoesNotAsk {
            return;
        }
        let foreign = match self.fault {
            Fault::AsksUnderALockOfItsOwn => Some(&Mutex::new(())),
            Fault::AsksUnderOneOfTwoLocks if call % 2 == 0 => Some(&self.other),
            _ => None,
        };
        if let Some(foreign) = foreign {
            let answer = admit(Asking::under(&foreign.lock().unwrap()));
            if let Admit::Yes(item, _) = answer {
                self.put(self.lock(), item);
            }
            return;
        }
        let state = self.state.lock().unwrap();
        let Admit::Yes(item, _) = admit(Asking::under(&state)) else { return };
        match self.fault {
            Fault::DropsWhatIsAdmitted if call % 10 == 0 => drop(item),
            Fault::PutsAwayOutsideTheLock => {
                drop(state);
                self.lobby.lock().unwrap().push_back(item);
                self.in_lobby.0.store(true, Ordering::Release);
            }
            _ => self.put(state, item),
        }
    }

    fn inject_batch(&self, items: impl Iterator<Item = T>, _hint: Option<()>) {
        if self.fault == Fault::ForgetsPanickingBatch {
            let all: Vec<T> = items.collect();
            all.into_iter().for_each(|item| self.inject(item, None));
        } else {
            items.for_each(|item| self.inject(item, None));
        }
    }

    fn inject_is_ordered(&self) -> bool {
        true
    }

    fn is_empty(&self) -> bool {
        if self.sees_nothing() {
            return true;
        }
        let state = self.lock();
        let own = self.fault != Fault::EmptyForgetsWorkers && state.own.values().any(|own| !own.is_empty());
        self.fault != Fault::NeverEmpty && state.outside.is_empty() && !own
    }
}

pub(crate) struct ToyWorker<T: Twin> {
    shared: Arc<Toy<T>>,
    name: usize,
    calls: usize,
    retiring: bool,
}

impl<T: Twin> ToyWorker<T> {
    fn pick(&mut self, state: &mut State<T>) -> Option<T> {
        static MOOD: AtomicUsize = AtomicUsize::new(0);
        let fault = self.shared.fault;
        self.calls += 1;
        if [Fault::LosesInRace, Fault::NoneAfterLostRace].contains(&fault) {
            // On a busy machine too, the others come while the lock is held.
            thread::yield_now();
        }
        let outside_first = match fault {
            Fault::NeverLooksOutside => false,
            Fault::Moody => MOOD.fetch_add(1, Ordering::Relaxed) % 3 == 0,
            _ => self.calls % LOOK_OUTSIDE_EVERY == 0,
        };
        if outside_first && !state.outside.is_empty() {
            return state.outside.pop_front();
        }
        let own = state.own.get_mut(&self.name)?;
        let mine = if fault == Fault::OwnOldestFirst { own.pop_front() } else { own.pop_back() };
        mine.or_else(|| state.outside.pop_front()).or_else(|| match fault {
            Fault::HidesOwn => None,
            Fault::StealsNewest => state.own.values_mut().find_map(VecDeque::pop_back),
            _ => state.own.values_mut().find_map(VecDeque::pop_front),
        })
    }
}

impl<T: Twin> Worker<T> for ToyWorker<T> {
    type Hint = ();

    fn push(&mut self, item: T, _hint: Option<()>) {
        self.shared.lock().own.get_mut(&self.name).unwrap().push_back(item);
        self.shared.announce();
    }

    fn push_is_ordered(&self) -> bool {
        true
    }

    fn next(&mut self) -> Option<T> {
        let shared = Arc::clone(&self.shared);
        if shared.sees_nothing() {
            return None;
        }
        let has_arrived = shared.has_arrived();
        let mut state = match (shared.fault, shared.state.try_lock()) {
            (Fault::NoneAfterLostRace, Err(_)) => return None,
            (Fault::LosesInRace, Err(_)) => {
                let mut state = shared.lock();
                state.outside.pop_front();
                state
            }
            (_, Ok(state)) => shared.fetched(state, has_arrived),
            (_, Err(_)) => shared.lock(),
        };
        let item = self.pick(&mut state);
        let is_empty = state.outside.is_empty() && state.own.values().all(VecDeque::is_empty);
        shared.waiting.0.store(!is_empty, Ordering::Release);
        item
    }

    fn retire(mut self) {
        self.retiring = true;
    }
}

impl<T: Twin> Drop for ToyWorker<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let held = state.own.remove(&self.name).unwrap_or_default();
        match self.shared.fault {
            Fault::ForgetsOnRetire if self.retiring => return,
            Fault::ForgetsOnDrop if !self.retiring => return,
            Fault::UnseenWhileMoving => {
                drop(state);
                thread::yield_now();
                state = self.shared.lock();
            }
            _ => {}
        }
        state.outside.extend(held);
        self.shared.announce();
    }
}
