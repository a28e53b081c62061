"""State out and commands in over MQTT; the only place that knows aiomqtt."""
