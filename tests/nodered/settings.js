// Node-RED for the tests: nothing leaves this machine, nobody logs in.
module.exports = {
    uiHost: "127.0.0.1",
    flowFile: "flows.json",
    credentialSecret: false,
    editorTheme: { tours: false, projects: { enabled: false } },
    mqttReconnectTime: 1000,
    telemetry: { enabled: false, updateNotification: false },
    logging: { console: { level: "info", metrics: false, audit: false } },
};
