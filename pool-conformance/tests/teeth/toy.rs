//! A work-stealing toy under one lock, with faults to choose from.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use pool_conformance::bare::Item;
use pool_core::{Admission, Scheduler, Worker};

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
    AsksUnlocked,
    KeepsWhatIsRefused,
    LooksUnlocked,
    NobodyPasses,
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
    waiting: AtomicBool,
}

impl<T> Toy<T> {
    pub(crate) fn new(fault: Fault) -> Self {
        let state = State { outside: VecDeque::new(), own: BTreeMap::new(), names: 0, injected: 0 };
        Self { fault, state: Mutex::new(state), waiting: AtomicBool::new(false) }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap()
    }

    /// After an item was put away. The lock is no longer held.
    fn announce(&self) {
        self.waiting.store(true, Ordering::Release);
    }

    fn sees_nothing(&self) -> bool {
        self.fault == Fault::LooksUnlocked && !self.waiting.load(Ordering::Acquire)
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
    const INJECT_IS_ORDERED: bool = true;

    fn attach(self: &Arc<Self>, _seed: u64) -> ToyWorker<T> {
        let mut state = self.lock();
        let name = state.names;
        state.names += 1;
        state.own.insert(name, VecDeque::new());
        ToyWorker { shared: Arc::clone(self), name, calls: 0, retiring: false }
    }

    fn inject(&self, item: T, (): ()) {
        let mut state = self.lock();
        state.injected += 1;
        if self.fault == Fault::Loses && state.injected % 20 == 0 {
            return;
        }
        let twin = if self.fault == Fault::Duplicates && state.injected % 20 == 0 { item.twin() } else { None };
        state.outside.extend(Some(item).into_iter().chain(twin));
        drop(state);
        self.announce();
    }

    fn pass(&self) {
        if self.fault != Fault::NobodyPasses {
            drop(self.lock());
        }
    }

    fn inject_if(&self, item: T, (): (), admission: impl Admission) -> Result<(), T> {
        let state = self.lock();
        let admitted = if self.fault == Fault::AsksUnlocked {
            drop(state);
            admission.ask_alone()
        } else {
            let admitted = admission.ask_alone();
            drop(state);
            admitted
        };
        if admitted || self.fault == Fault::KeepsWhatIsRefused {
            self.inject(item, ());
            return Ok(());
        }
        Err(item)
    }

    fn inject_batch(&self, items: impl Iterator<Item = T>, (): ()) {
        if self.fault == Fault::ForgetsPanickingBatch {
            let all: Vec<T> = items.collect();
            all.into_iter().for_each(|item| self.inject(item, ()));
        } else {
            items.for_each(|item| self.inject(item, ()));
        }
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
    const PUSH_IS_ORDERED: bool = true;

    fn push(&mut self, item: T, (): ()) {
        self.shared.lock().own.get_mut(&self.name).unwrap().push_back(item);
        self.shared.announce();
    }

    fn next(&mut self) -> Option<T> {
        let shared = Arc::clone(&self.shared);
        if shared.sees_nothing() {
            return None;
        }
        let mut state = match (shared.fault, shared.state.try_lock()) {
            (Fault::NoneAfterLostRace, Err(_)) => return None,
            (Fault::LosesInRace, Err(_)) => {
                let mut state = shared.lock();
                state.outside.pop_front();
                state
            }
            (_, Ok(state)) => state,
            (_, Err(_)) => shared.lock(),
        };
        let item = self.pick(&mut state);
        let is_empty = state.outside.is_empty() && state.own.values().all(VecDeque::is_empty);
        shared.waiting.store(!is_empty, Ordering::Release);
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
