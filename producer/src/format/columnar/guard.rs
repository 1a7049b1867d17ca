//! The libraries that read Arrow and Parquet panic at some tables that are damaged: that is an error of the table, as any other.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread is caught, and told of as an error.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What `read` answers; a panic within it is an error, and is not said otherwise. What it was reading is not to be used after one.
///
/// # Errors
/// Those of `read`, and what it panicked about.
pub(super) fn guarded<T, E: From<String>>(read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_GUARDED.get() {
                before(info);
            }
        }));
    });
    let was_guarded = IS_GUARDED.replace(true);
    let answer = panic::catch_unwind(AssertUnwindSafe(read));
    IS_GUARDED.set(was_guarded);
    answer.unwrap_or_else(|panic| Err(E::from(format!("the table is damaged: {}", message(&*panic)))))
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("its reader gave up")
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn a_panic_is_an_error() {
        let empty: [u8; 0] = [];
        let place = std::hint::black_box(3);
        assert!(guarded::<u8, String>(|| Ok(empty[place])).unwrap_err().contains("the table is damaged: index out of bounds"));
        assert_eq!(guarded::<u8, String>(|| Err("x".to_owned())), Err("x".to_owned()));
        assert_eq!(guarded::<u8, String>(|| Ok(7)), Ok(7));
    }
}
