mod mutations;
mod scenes;
mod seeds;
