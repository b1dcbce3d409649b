//! The strategy of `docs/writing-a-strategy.md`, whole: tenants take turns, however much each of them submits.
//!
//! The page quotes this file; a test of the workspace sees to it that the quotations are exact.

// Under loom only what `loom_laws!` makes is run: real threads cannot touch loom's locks.
#![cfg_attr(loom, allow(dead_code, unused_imports))]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use pool_conformance::order::{Order, Source};
use pool_conformance::{conformance, loom_laws};
use pool_core::strategy::{Admit, Asking, Scheduler, Worker};
use pool_core::sync::Mutex;
use pool_core::{Pool, Task};

/// The submitter of an item. One from outside that names none is tenant 0's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tenant(pub u32);

/// Tenants take turns; within a tenant, first in, first out.
#[derive(Debug)]
pub struct FairShare<T = Task>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    waiting: BTreeMap<Tenant, VecDeque<T>>,
    /// Each tenant with waiting items, once; the front one is next.
    turns: VecDeque<Tenant>,
}

impl<T> Default for FairShare<T> {
    fn default() -> Self {
        Self(Mutex::new(State { waiting: BTreeMap::new(), turns: VecDeque::new() }))
    }
}

impl<T> State<T> {
    fn put(&mut self, item: T, tenant: Tenant) {
        let own = self.waiting.entry(tenant).or_default();
        if own.is_empty() {
            self.turns.push_back(tenant);
        }
        own.push_back(item);
    }

    fn take(&mut self) -> Option<(Tenant, T)> {
        let tenant = self.turns.pop_front()?;
        let own = self.waiting.get_mut(&tenant)?;
        let item = own.pop_front()?;
        if own.is_empty() {
            self.waiting.remove(&tenant);
        } else {
            self.turns.push_back(tenant);
        }
        Some((tenant, item))
    }
}

impl<T: Send> Scheduler<T> for FairShare<T> {
    type Hint = Tenant;
    type Worker = FairWorker<T>;

    /// The seed goes unused: nothing here is random.
    fn attach(self: &Arc<Self>, _seed: u64) -> FairWorker<T> {
        FairWorker { shared: Arc::clone(self), current: Tenant::default() }
    }

    fn inject(&self, item: T, tenant: Option<Tenant>) {
        self.0.lock().put(item, tenant.unwrap_or_default());
    }

    fn is_empty(&self) -> bool {
        self.0.lock().turns.is_empty()
    }

    /// Asks the pool under the one lock.
    fn inject_if(&self, admit: impl FnOnce(Asking<'_>) -> Admit<T, Tenant>) {
        let mut state = self.0.lock();
        if let Admit::Yes(item, tenant) = admit(Asking::under(&state)) {
            state.put(item, tenant.unwrap_or_default());
        }
    }

    /// By the one lock.
    fn inject_is_ordered(&self) -> bool {
        true
    }
}

/// Holds no items, so it has nothing to give back. Remembers which tenant it works for.
#[derive(Debug)]
pub struct FairWorker<T> {
    shared: Arc<FairShare<T>>,
    current: Tenant,
}

impl<T: Send> Worker<T> for FairWorker<T> {
    type Hint = Tenant;

    /// What a tenant's task submits is that tenant's, unless it names another.
    fn push(&mut self, item: T, tenant: Option<Tenant>) {
        self.shared.inject(item, tenant.or(Some(self.current)));
    }

    fn next(&mut self) -> Option<T> {
        let (tenant, item) = self.shared.0.lock().take()?;
        self.current = tenant;
        Some(item)
    }

    /// By the one lock.
    fn push_is_ordered(&self) -> bool {
        true
    }
}

/// Law 4 for [`FairShare`]: no tenant is served twice while another waits, and each is served in order.
#[derive(Default)]
struct Turns {
    /// In submission order.
    waiting: Vec<(Tenant, u64)>,
    /// The tenants that have been served since this waiting one last was, or began to wait.
    served_since: BTreeMap<Tenant, BTreeSet<Tenant>>,
    /// The tenant that each worker served last.
    current: BTreeMap<usize, Tenant>,
}

impl Order for Turns {
    type Hint = Tenant;

    fn hint(&self, choice: u8) -> Option<Tenant> {
        Some(Tenant(u32::from(choice)))
    }

    fn accepted(&mut self, item: u64, source: Source, choice: Option<u8>) {
        let inherited = match source {
            Source::Worker(worker) => self.current.get(&worker).copied(),
            Source::Outside => None,
        };
        let tenant = choice.and_then(|choice| self.hint(choice)).or(inherited).unwrap_or_default();
        self.waiting.push((tenant, item));
        self.served_since.entry(tenant).or_default();
    }

    fn dispatched(&mut self, item: u64, worker: usize) -> Result<(), String> {
        let at = self.waiting.iter().position(|&(_, waiting)| waiting == item).ok_or("it does not wait")?;
        let (tenant, _) = self.waiting.remove(at);
        if let Some((_, older)) = self.waiting[..at].iter().find(|(other, _)| *other == tenant) {
            return Err(format!("{item} before {older}, which the same tenant submitted first"));
        }
        self.served_since.remove(&tenant);
        for (other, served) in &mut self.served_since {
            if !served.insert(tenant) {
                return Err(format!("{tenant:?} was served twice while {other:?} waited"));
            }
        }
        if self.waiting.iter().any(|&(other, _)| other == tenant) {
            self.served_since.insert(tenant, BTreeSet::new());
        }
        self.current.insert(worker, tenant);
        Ok(())
    }
}

conformance!(fair_share: FairShare::default(), order = Turns::default());
loom_laws!(fair_share_under_loom: FairShare::default());

#[cfg(not(loom))]
#[test]
fn a_flood_delays_another_tenant_by_one_task() {
    let pool: Pool<FairShare> = Pool::builder().workers(1).build().unwrap();
    let (log, seen) = std::sync::mpsc::channel();
    let (open, gate) = std::sync::mpsc::channel();
    pool.execute(move || gate.recv().unwrap());
    for (name, count) in [(1, 1_000), (2, 1)] {
        for _ in 0..count {
            let log = log.clone();
            pool.task().hint(Tenant(name)).execute(move || log.send(name).unwrap());
        }
    }
    open.send(()).unwrap();
    pool.wait_idle().unwrap();
    assert_eq!(seen.try_iter().position(|name| name == 2), Some(1));
}
