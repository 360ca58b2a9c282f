// The same conversation with Pusher's own pusher_channels_flutter. Its init() knows clusters, not hosts, so this runs
// against Fanfare only with a fork that passes a host on to the Java, Swift and JavaScript clients underneath.
import 'dart:convert';

import 'package:pusher_channels_flutter/pusher_channels_flutter.dart';

Future<void> main() async {
  final pusher = PusherChannelsFlutter.getInstance();
  await pusher.init(
    apiKey: 'app-key',
    cluster: 'mt1', // a fork: the host and port of Fanfare
    authEndpoint: 'http://10.0.2.2:8000/broadcasting/auth', // your backend
    onConnectionStateChange: (current, previous) => print('$previous → $current'),
    onError: (message, code, error) => print('$code: $message'),
    onSubscriptionError: (message, error) => print(message),
    onMemberAdded: (channel, member) => print('here: ${member.userInfo}'),
    onMemberRemoved: (channel, member) => print('gone: ${member.userId}'),
    onEvent: (event) {
      if (event.eventName != 'MessageSent') return;
      final message = jsonDecode(event.data)['message'];
      print('${message['sender_name']}: ${message['content']}');
    },
  );
  await pusher.subscribe(channelName: 'presence-conversation.1');
  await pusher.connect();
}
