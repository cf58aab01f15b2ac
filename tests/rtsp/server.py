#!/usr/bin/python3
"""A camera for tests: GStreamer's RTSP server, which plays a recording to everybody who logs in.

    HADIR_CAMERA_USER=hadir HADIR_CAMERA_PASSWORD=secret server.py --port 8554 --clip corridor.mp4 --codec h264

The stream is at rtsp://127.0.0.1:PORT/stream and begins anew for every client. With a user in the environment it asks
for a login, by digest authentication, or with --basic by basic authentication. Needs Debian's python3-gi,
gir1.2-gst-rtsp-server-1.0 and gstreamer1.0-plugins-{base,good,bad}.
"""

import argparse
import os
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

ROLE = "viewer"


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", required=True)
    parser.add_argument("--clip", required=True)
    parser.add_argument("--codec", choices=["h264", "h265"], required=True)
    parser.add_argument("--basic", action="store_true", help="basic authentication instead of digest")
    return parser.parse_args()


def ask_for_login(server, factory, user, password, basic):
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", ROLE)
    auth = GstRtspServer.RTSPAuth()
    if basic:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_role(ROLE)
    for what in ["access", "construct"]:
        permissions.add_permission_for_role(ROLE, f"media.factory.{what}", True)
    factory.set_permissions(permissions)


def main():
    args = arguments()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(args.port)
    factory = GstRtspServer.RTSPMediaFactory()
    # As cameras do, the parameter sets are sent again with every key frame.
    factory.set_launch(
        f'( filesrc location="{args.clip}" ! qtdemux ! {args.codec}parse ! '
        f"rtp{args.codec}pay name=pay0 pt=96 config-interval=-1 )"
    )
    user = os.environ.get("HADIR_CAMERA_USER")
    if user:
        ask_for_login(server, factory, user, os.environ["HADIR_CAMERA_PASSWORD"], args.basic)
    server.get_mount_points().add_factory("/stream", factory)
    if server.attach(None) == 0:
        sys.exit(f"port {args.port} is taken")
    GLib.MainLoop().run()


main()
