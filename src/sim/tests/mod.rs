mod scenes;
mod seeds;
