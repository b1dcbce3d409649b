//! Inputs that are made once, on first use, and shared by all contestants. A workload makes its own input and
//! finds it by its type, so this store depends on no workload.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// At most one input of each type.
#[derive(Debug, Default)]
pub struct Inputs(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Inputs {
    /// The input of type `T`, which `make` makes unless an earlier call did.
    ///
    /// # Errors
    /// The error of `make`; the next call tries again.
    pub fn shared<T: Any + Send + Sync>(&self, make: impl FnOnce() -> Result<T, String>) -> Result<Arc<T>, String> {
        let kind = TypeId::of::<T>();
        let known = self.0.lock().expect("no panic under the lock").get(&kind).cloned();
        let input = match known {
            Some(input) => input,
            None => {
                // Made outside the lock: under it, a panic of `make` would poison it for the inputs of all other workloads.
                let made: Arc<dyn Any + Send + Sync> = Arc::new(make()?);
                Arc::clone(self.0.lock().expect("no panic under the lock").entry(kind).or_insert(made))
            }
        };
        Ok(input.downcast().expect("each input is stored under its type"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Few(u32);
    #[derive(Debug, PartialEq)]
    struct Many(u32);

    #[test]
    fn an_input_is_made_once_for_each_type() {
        let inputs = Inputs::default();
        let first = inputs.shared(|| Ok(Few(1))).unwrap();
        let again = inputs.shared(|| -> Result<Few, String> { panic!("made twice") }).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!(*inputs.shared(|| Ok(Many(2))).unwrap(), Many(2));
    }

    #[test]
    fn an_input_that_could_not_be_made_is_tried_again() {
        let inputs = Inputs::default();
        assert_eq!(inputs.shared(|| Err::<Few, _>("no file".to_owned())), Err("no file".to_owned()));
        assert_eq!(*inputs.shared(|| Ok(Few(3))).unwrap(), Few(3));
    }
}
