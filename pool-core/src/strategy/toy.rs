use pool_core::Task;
use pool_core::strategy::{Scheduler, Worker};
use pool_core::sync::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// Last in, first out: a stack behind one lock.
#[derive(Debug)]
pub struct Stack<T = Task>(Mutex<VecDeque<T>>);
#[derive(Debug)]
pub struct StackWorker<T>(Arc<Stack<T>>);
pub type Pool = pool_core::Pool<Stack>;

impl<T> Default for Stack<T> {
    fn default() -> Self {
        Stack(Mutex::new(VecDeque::new()))
    }
}

impl<T: Send> Scheduler<T> for Stack<T> {
    type Hint = ();
    type Worker = StackWorker<T>;

    fn attach(self: &Arc<Self>, _seed: u64) -> StackWorker<T> {
        StackWorker(Arc::clone(self))
    }
    fn inject(&self, item: T, _hint: Option<()>) {
        self.0.lock().push_back(item);
    }
    fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }
}

impl<T: Send> Worker<T> for StackWorker<T> {
    type Hint = ();

    fn push(&mut self, item: T, _hint: Option<()>) {
        self.0.inject(item, None);
    }
    fn next(&mut self) -> Option<T> {
        self.0.0.lock().pop_back()
    }
}
