mod mutations;
mod scenes;
mod seeds;
mod state;
