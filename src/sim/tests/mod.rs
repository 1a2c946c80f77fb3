mod mutations;
mod others;
mod scenes;
mod seeds;
mod state;
mod torture;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
