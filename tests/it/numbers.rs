//! Numbers from the environment, by which somebody makes a test longer.

/// The number in a variable, such as `2_000_000`, or else the default.
pub fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.replace('_', "").parse().expect(variable),
        Err(_) => default,
    }
}
