"""Builds the Node-RED flow from its sources: python tools/nodered_flow.py [FILE].

A flow is one JSON file with programs and pages as strings inside, which nobody can read or review. So the
functions and templates are files of their own in integrations/node-red/source, and what joins them is here.
A test sees that integrations/node-red/backstride.json is current.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

HOME: Final = Path(__file__).parents[1] / "integrations" / "node-red"
SOURCE: Final = HOME / "source"
FLOW: Final = HOME / "backstride.json"
TAB: Final = "backstride-tab"

type Node = dict[str, Any]


def build_flow() -> list[Node]:
    """Build all nodes of the flow."""
    return [_tab(), *_configuration(), *_ears(), *_programs(), *_widgets()]


def flow_text() -> str:
    """Write the flow as Node-RED imports it."""
    return json.dumps(build_flow(), indent=1, ensure_ascii=False) + "\n"


def _read(name: str) -> str:
    return (SOURCE / name).read_text(encoding="utf-8")


def _node(name: str, kind: str, x: int, y: int, wires: list[list[str]], /, **more: Any) -> Node:
    return {
        "id": f"backstride-{name}",
        "type": kind,
        "z": TAB,
        **more,
        "x": x,
        "y": y,
        "wires": [[f"backstride-{target}" for target in output] for output in wires],
    }


def _config(name: str, kind: str, /, **more: Any) -> Node:
    return {"id": f"backstride-{name}", "type": kind, **more}


def _tab() -> Node:
    """The one place for settings: the environment variables of the tab."""
    return {
        "id": TAB,
        "type": "tab",
        "label": "Backstride",
        "disabled": False,
        "info": _read("README.txt"),
        "env": [
            {"name": "TREADMILL", "value": "home", "type": "str"},
            {"name": "BROKER", "value": "localhost", "type": "str"},
            {"name": "PORT", "value": "1883", "type": "str"},
            {"name": "PREFIX", "value": "backstride/${TREADMILL}", "type": "env"},
            {"name": "TOPICS", "value": "${PREFIX}/+", "type": "env"},
        ],
    }


def _configuration() -> list[Node]:
    broker = _config(
        "broker", "mqtt-broker", z=TAB, name="Backstride's broker", broker="${BROKER}",
        port="${PORT}", clientid="", autoConnect=True, usetls=False, protocolVersion="5",
        keepalive="10", cleansession=True, autoUnsubscribe=True, sessionExpiry="0",
        birthTopic="", birthQos="0", birthPayload="", birthMsg={}, closeTopic="", closeQos="0",
        closePayload="", closeMsg={}, willTopic="", willQos="0", willPayload="", willMsg={},
        userProps="",
    )  # fmt: skip
    base = _config(
        "ui", "ui-base", name="Dashboard", path="/dashboard", appIcon="", includeClientData=True,
        acceptsClientConfig=["ui-notification", "ui-control"], showPathInSidebar=False,
        headerContent="page", navigationStyle="default", titleBarStyle="default",
        showReconnectNotification=True, notificationDisplayTime=1, showDisconnectNotification=True,
        allowInstall=False,
    )  # fmt: skip
    theme = _config(
        "theme", "ui-theme", name="Backstride",
        colors={"surface": "#14433d", "primary": "#14433d", "bgPage": "#eef1f0",
                "groupBg": "#ffffff", "groupOutline": "#d5dae0"},
        sizes={"density": "default", "pagePadding": "16px", "groupGap": "16px",
               "groupBorderRadius": "10px", "widgetGap": "12px"},
    )  # fmt: skip
    page = _config(
        "page", "ui-page", name="Backstride", ui="backstride-ui", path="/backstride",
        icon="walk", layout="grid", theme="backstride-theme", order=1, className="",
        visible=True, disabled=False,
        breakpoints=[{"name": "Phone", "px": "0", "cols": "6"},
                     {"name": "Tablet", "px": "768", "cols": "12"}],
    )  # fmt: skip
    titles = {"now": "Now", "session": "Session", "walk": "While walking", "curve": "Speed"}
    groups = [
        _config(
            f"group-{name}", "ui-group", name=title, page="backstride-page", width="6", height="1",
            order=order, showTitle=name != "now", className="", visible="true", disabled="false",
            groupType="default",
        )
        for order, (name, title) in enumerate(titles.items(), start=1)
    ]  # fmt: skip
    return [broker, base, theme, page, *groups]


# -- what listens, thinks and speaks ---------------------------------------------------------------


def _ears() -> list[Node]:
    return [
        _node("notes", "comment", 170, 40, [], name="Settings: double-click the tab",
              info=_read("README.txt")),
        _node("topics", "mqtt in", 150, 140, [["view"]], name="the treadmill", topic="${TOPICS}",
              qos="1", datatype="auto-detect", broker="backstride-broker", nl=False, rap=True,
              rh=0, inputs=0),
        _node("status", "status", 150, 200, [["view"]], name="the broker",
              scope=["backstride-topics"]),
        _node("tick", "inject", 150, 260, [["view"]], name="each second", props=[], repeat="1",
              crontab="", once=True, onceDelay="0.1", topic=""),
        _node("out", "mqtt out", 1390, 380, [], name="command", topic="", qos="1", retain="false",
              respTopic="", contentType="", userProps="", correl="", expiry="",
              broker="backstride-broker"),
    ]  # fmt: skip


WIDGETS: Final = (
    "program", "start", "confirm", "faster", "slower", "speed", "pause", "continue", "skip",
    "finish", "present", "acknowledge", "voice", "pin", "walker",
    "feedback",
)  # fmt: skip
"""The outputs of `possible`, in its order."""


def _programs() -> list[Node]:
    def function(
        name: str, title: str, x: int, y: int, wires: list[list[str]], **more: Any
    ) -> Node:
        return _node(
            name, "function", x, y, wires, name=title, func=_read(f"{name}.js"),
            outputs=len(wires), timeout=0, noerr=0, initialize="", libs=[],
            **{"finalize": "", **more},
        )  # fmt: skip

    return [
        function("view", "what is known", 380, 200, [["display-page", "possible", "curve"]]),
        function("possible", "what is possible", 620, 680, [[name] for name in WIDGETS]),
        function("curve", "curve", 620, 140, [["chart"]]),
        function("command", "command", 1170, 680, [["out"], ["notice-1"], ["clear-1"]],
                 finalize='clearTimeout(context.get("timer"));\ncontext.set("pin", undefined);\n'),
        function("stop", "stop until confirmed", 1170, 80, [["out"], ["notice-2"]],
                 finalize='clearInterval(context.get("timer"));\n'),
        _link_in("notice", 215, 320, ["notice-1", "notice-2"], "view"),
        _link_out("notice-1", 1295, 700, "notice"),
        _link_out("notice-2", 1345, 100, "notice"),
        _link_in("clear", 745, 1100, ["clear-1"], "pin"),
        _link_out("clear-1", 1295, 740, "clear"),
    ]  # fmt: skip


def _link_in(name: str, x: int, y: int, sources: list[str], target: str) -> Node:
    return _node(
        name, "link in", x, y, [[target]], name=name,
        links=[f"backstride-{source}" for source in sources],
    )  # fmt: skip


def _link_out(name: str, x: int, y: int, target: str) -> Node:
    return _node(
        name, "link out", x, y, [], name=target, mode="link", links=[f"backstride-{target}"]
    )


# -- the page --------------------------------------------------------------------------------------


def _template(name: str, x: int, y: int, wires: list[list[str]], **more: Any) -> Node:
    return _node(
        f"{name}-page", "ui-template", x, y, wires, name=name, head="", format=_read(f"{name}.html"),
        storeOutMessages=False, passthru=False, resendOnRefresh=True, className="",
        **{"group": "", "page": "", "ui": "", "order": 1, "width": 0, "height": 0, **more},
    )  # fmt: skip


def _button(name: str, label: str, icon: str, group: str, order: int, **more: Any) -> Node:
    y = 260 + 60 * WIDGETS.index(name)
    return _node(
        name, "ui-button", 880, y, [["command"]], group=f"backstride-group-{group}", name=name,
        label=label, order=order, emulateClick=False, tooltip="", color="", bgcolor="",
        icon=icon, iconPosition="left", payload="", payloadType="str", topic=name, topicType="str",
        textColor="", iconColor="", enableClick=True, enablePointerdown=False,
        pointerdownPayload="", pointerdownPayloadType="str", enablePointerup=False,
        pointerupPayload="", pointerupPayloadType="str",
        **{"width": 3, "height": 1, "className": "", "buttonColor": "", **more},
    )  # fmt: skip


def _widgets() -> list[Node]:
    def place(name: str, order: int, group: str, width: int = 6) -> Node:
        return {"group": f"backstride-group-{group}", "order": order, "width": width, "height": 1,
                "className": "", "topic": name, "topicType": "str", "passthru": False}  # fmt: skip

    def row(name: str) -> int:
        return 260 + 60 * WIDGETS.index(name)

    return [
        _template("display", 880, 140, [[]], group="backstride-group-now", templateScope="local",
                  width=6),
        _template("stop", 880, 80, [["stop"]], page="backstride-page", templateScope="widget:page"),
        _node("program", "ui-dropdown", 880, row("program"), [["command"]], name="program",
              label="Program", tooltip="", multiple=False, chips=False, clearable=False,
              options=[], payload="", typeIsComboBox=False, msgTrigger="onChange",
              **place("select", 2, "session")),
        _node("walker", "ui-dropdown", 880, row("walker"), [["command"]], name="walker",
              label="Who walks", tooltip="", multiple=False, chips=False, clearable=False,
              options=[], payload="", typeIsComboBox=False, msgTrigger="onChange",
              **place("walker", 1, "session")),
        _node("feedback", "ui-dropdown", 880, row("feedback"), [["command"]], name="feedback",
              label="How hard was it?", tooltip="", multiple=False, chips=False, clearable=False,
              options=_efforts(), payload="", typeIsComboBox=False, msgTrigger="onChange",
              **place("feedback", 9, "session")),
        _node("pin", "ui-text-input", 880, row("pin"), [["command"]], name="pin",
              label="PIN, for this start", mode="password", tooltip="", delay=300, sendOnDelay=True,
              sendOnBlur=True, sendOnEnter=True, clearable=False, sendOnClear=True, icon="",
              iconPosition="left", iconInnerPosition="inside", **place("pin", 3, "session")),
        _button("start", "Arm: nothing moves yet", "check-circle-outline", "session", 4, width=6),
        _button("confirm", "Confirm: I stand on the rails, facing the rear, clip on",
                "shield-check", "session", 5, width=6, height=2, buttonColor="#bf5b00",
                className="bs-large"),
        _button("acknowledge", "I have looked", "eye-check", "session", 6),
        _button("present", "I am well", "hand-wave", "session", 7),
        _node("voice", "ui-switch", 880, row("voice"), [["command"]], name="voice",
              label="Say the cues aloud", decouple=False, style="", layout="row-spread",
              clickableArea="line", onvalue="true", onvalueType="bool", onicon="", oncolor="",
              offvalue="false", offvalueType="bool", officon="", offcolor="",
              **place("voice", 8, "session")),
        _button("slower", "Slower", "minus", "walk", 1, height=2, className="bs-large"),
        _button("faster", "Faster", "plus", "walk", 2, height=2, className="bs-large"),
        _node("speed", "ui-slider", 880, row("speed"), [["command"]], name="speed",
              label="Speed", tooltip="", outs="end", thumbLabel="true", showTicks="false", min=0.5,
              max=6, step=0.1, iconPrepend="", iconAppend="", color="", colorTrack="",
              colorThumb="", showTextField=False, **place("speed", 3, "walk")),
        _button("pause", "Pause", "pause", "walk", 4),
        _button("continue", "Continue", "play", "walk", 5),
        _button("skip", "Next step", "skip-next", "walk", 6),
        _button("finish", "Cool down", "flag-checkered", "walk", 7),
        _chart(),
    ]  # fmt: skip


def _efforts() -> list[Node]:
    """Borg's scale, with the words that it has."""
    words = {6: "no effort", 9: "very light", 11: "light", 13: "somewhat hard", 15: "hard",
             17: "very hard", 20: "maximal"}  # fmt: skip
    return [
        {"label": f"{effort} {words.get(effort, '')}".strip(), "value": effort, "type": "num"}
        for effort in range(6, 21)
    ]


def _chart() -> Node:
    return _node(
        "chart", "ui-chart", 880, 200, [[]], group="backstride-group-curve", name="chart", label="",
        order=1, chartType="line", category="topic", categoryType="msg", xAxisLabel=" ",
        xAxisProperty="", xAxisPropertyType="timestamp", xAxisType="time", xAxisFormat="",
        xAxisFormatType="auto", xmin="", xmax="", yAxisLabel="km/h", yAxisProperty="payload",
        yAxisPropertyType="msg", ymin="0", ymax="", bins=10, action="append", stackSeries=False,
        pointShape="false", pointRadius=0, showLegend=True, removeOlder="15",
        removeOlderUnit="60", removeOlderPoints="", colors=["#14433d", "#d9822b"],
        textColor=["#666666"], textColorDefault=True, gridColor=["#e5e5e5"],
        gridColorDefault=True, width=6, height=5, className="", interpolation="linear",
    )  # fmt: skip


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FLOW
    target.write_text(flow_text(), encoding="utf-8")
