"""What tests and benches share: stand-ins that speak the protocol on a real socket."""
