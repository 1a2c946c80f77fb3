mod begins;
mod brokers;
mod chunks;
mod elsewhere;
mod full;
mod locks;
mod mutations;
mod others;
mod scenes;
mod seeds;
mod state;
mod stops;
mod torture;
mod unverified;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
