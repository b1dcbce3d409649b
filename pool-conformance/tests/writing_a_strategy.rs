//! The strategy of `docs/writing-a-strategy.md`, whole: tenants take turns, however much each of them submits.
//!
//! The page quotes this file; a test of the workspace sees to it that the quotations are exact.

// Under loom only what `loom_laws!` makes is run: real threads cannot touch loom's locks.
#![cfg_attr(loom, allow(dead_code, unused_imports))]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use pool_conformance::order::{Order, Source};
use pool_conformance::{conformance, loom_laws};
use pool_core::sync::Mutex;
use pool_core::{Pool, Scheduler, Task, Worker};

/// Who submits. Plain submissions are tenant 0's.
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

    /// One lock around everything.
    const INJECT_IS_ORDERED: bool = true;

    /// The seed goes unused: nothing here is random.
    fn attach(self: &Arc<Self>, _seed: u64) -> FairWorker<T> {
        FairWorker { shared: Arc::clone(self), current: Tenant::default() }
    }

    fn inject(&self, item: T, tenant: Tenant) {
        self.0.lock().put(item, tenant);
    }

    fn is_empty(&self) -> bool {
        self.0.lock().turns.is_empty()
    }
}

/// Holds no items, so it has nothing to give back. Remembers for whom it works.
#[derive(Debug)]
pub struct FairWorker<T> {
    shared: Arc<FairShare<T>>,
    current: Tenant,
}

impl<T: Send> Worker<T> for FairWorker<T> {
    type Hint = Tenant;

    const PUSH_IS_ORDERED: bool = true;

    fn push(&mut self, item: T, tenant: Tenant) {
        self.shared.inject(item, tenant);
    }

    /// The halves of a tenant's `join` are that tenant's.
    fn push_part(&mut self, item: T) {
        self.shared.inject(item, self.current);
    }

    fn next(&mut self) -> Option<T> {
        let (tenant, item) = self.shared.0.lock().take()?;
        self.current = tenant;
        Some(item)
    }

    fn retire(self) {}
}

/// Law 4 for [`FairShare`]: nobody is served twice while another waits, and each is served in order.
#[derive(Default)]
struct Turns {
    /// In submission order.
    waiting: Vec<(Tenant, u64)>,
    /// Who has been served since this waiting tenant last was, or began to wait.
    served_since: BTreeMap<Tenant, BTreeSet<Tenant>>,
    current: BTreeMap<usize, Tenant>,
}

impl Order for Turns {
    type Hint = Tenant;

    fn hint(&self, choice: u8) -> Tenant {
        Tenant(u32::from(choice))
    }

    fn accepted(&mut self, item: u64, source: Source, choice: Option<u8>) {
        let tenant = match source {
            Source::Part(worker) => self.current.get(&worker).copied().unwrap_or_default(),
            Source::Outside | Source::Worker(_) => choice.map_or_else(Tenant::default, |choice| self.hint(choice)),
        };
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
            pool.execute_with(Tenant(name), move || log.send(name).unwrap());
        }
    }
    open.send(()).unwrap();
    pool.wait_idle().unwrap();
    assert_eq!(seen.try_iter().position(|name| name == 2), Some(1));
}
