//! A channel of boxed closures and threads that receive from it: a pool written by hand, without a pool crate.

use std::cell::OnceCell;
use std::thread::{self, JoinHandle};

use super::warm_up::warm_up_with_tasks;
use crate::capability::{Class, Contestant, Execute};

type Job = Box<dyn FnOnce() + Send>;

/// The two contestants differ only in the channel's crate. A worker's sender is in a thread-local, which costs a task less
/// than a counted reference that the task carries.
macro_rules! channel_contestant {
    ($(#[$doc:meta])* $type:ident, $name:literal, $channel:ident, $sender:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $type {
            sender: $channel::Sender<Message>,
            workers: Vec<JoinHandle<()>>,
        }

        thread_local! {
            static $sender: OnceCell<$channel::Sender<Message>> = const { OnceCell::new() };
        }

        impl Contestant for $type {
            const NAME: &'static str = $name;
            const CLASS: Class = Class::Peer;

            fn start(workers: usize) -> Self {
                let (sender, receiver) = $channel::unbounded::<Message>();
                let workers = (0..workers)
                    .map(|_| {
                        let (sender, receiver) = (sender.clone(), receiver.clone());
                        thread::spawn(move || {
                            $sender.with(|own| own.set(sender).expect("a new thread has no sender"));
                            while let Ok(Message::Run(job)) = receiver.recv() {
                                job();
                            }
                        })
                    })
                    .collect();
                $type { sender, workers }
            }

            fn warm_up(&self) {
                warm_up_with_tasks(self);
            }

            fn stop(self) {
                // Each worker holds a sender, so the channel does not close by itself.
                for _ in &self.workers {
                    self.sender.send(Message::Stop).expect("the workers hold a receiver");
                }
                for worker in self.workers {
                    worker.join().expect("no task of a workload panics");
                }
            }
        }

        impl Execute for $type {
            type Inside = ();

            fn execute(&self, task: impl FnOnce() + Send + 'static) {
                self.sender.send(Message::Run(Box::new(task))).expect("the workers hold a receiver");
            }

            fn inside(&self) {}

            fn execute_inside(_: &(), task: impl FnOnce() + Send + 'static) {
                $sender.with(|own| {
                    let sender = own.get().expect("called from within a task");
                    sender.send(Message::Run(Box::new(task))).expect("the workers hold a receiver");
                });
            }
        }
    };
}

/// A message in the channel, as large as the box alone.
enum Message {
    Run(Job),
    Stop,
}

channel_contestant! {
    /// `crossbeam-channel` and threads.
    CrossbeamChannel, "crossbeam-channel", crossbeam_channel, CROSSBEAM_SENDER
}

channel_contestant! {
    /// `kanal` and threads.
    Kanal, "kanal", kanal, KANAL_SENDER
}
