"""A voice and a speaker that make no sound: what is played is an event."""

from __future__ import annotations

from homeassistant.components.media_player import DATA_COMPONENT as PLAYERS
from homeassistant.components.media_player import (
    MediaPlayerEntity,
    MediaPlayerEntityFeature,
    MediaPlayerState,
)
from homeassistant.components.tts import DATA_COMPONENT as VOICES
from homeassistant.components.tts import TextToSpeechEntity


class Voice(TextToSpeechEntity):
    _attr_name = "Voice"
    _attr_unique_id = "voice"
    _attr_default_language = "en"
    _attr_supported_languages = ("en",)


class Speaker(MediaPlayerEntity):
    _attr_name = "Speaker"
    _attr_unique_id = "speaker"
    _attr_state = MediaPlayerState.IDLE
    _attr_supported_features = MediaPlayerEntityFeature.PLAY_MEDIA

    async def async_play_media(self, media_type, media_id, **more):  # noqa: ARG002  the platform's
        self.hass.bus.async_fire("played", {"media": media_id})


async def async_setup(hass, config):
    await hass.data[VOICES].async_add_entities([Voice()])
    await hass.data[PLAYERS].async_add_entities([Speaker()])
    return True
