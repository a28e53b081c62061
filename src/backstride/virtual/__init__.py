"""A treadmill made of software: physics, behaviour and a real Bluetooth peripheral."""
