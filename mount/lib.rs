//! The driver: thin adapters around the engine.
