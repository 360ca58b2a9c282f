// A conversation with dart_pusher_channels 1.2: messages, typing, read receipts, who is here.
import 'dart:async';
import 'dart:convert';

import 'package:dart_pusher_channels/dart_pusher_channels.dart';

final client = PusherChannelsClient.websocket(
  options: const PusherChannelsOptions.fromHost(
    scheme: 'ws', // 'wss' behind TLS
    host: '10.0.2.2', // the development machine, seen from the Android emulator
    port: 8080,
    key: 'app-key',
    shouldSupplyMetadataQueries: true,
    metadata: PusherChannelsOptionsMetadata.byDefault(),
  ),
  connectionErrorHandler: (exception, trace, refresh) => refresh(),
);

PresenceChannel conversation(String id, String bearerToken) {
  final channel = client.presenceChannel(
    'presence-conversation.$id',
    authorizationDelegate: EndpointAuthorizableChannelTokenAuthorizationDelegate.forPresenceChannel(
      authorizationEndpoint: Uri.parse('http://10.0.2.2:8000/broadcasting/auth'), // your backend
      headers: {'Authorization': 'Bearer $bearerToken'},
    ),
  );

  channel.bind('MessageSent').listen((event) {
    final message = jsonDecode(event.data as String)['message'];
    print('${message['sender_name']}: ${message['content']}');
  });
  channel.bind('MessagesRead').listen((event) => print('read: ${jsonDecode(event.data as String)['message_ids']}'));
  channel.bind('client-UserIsTyping').listen((event) => print('typing: ${event.data}'));
  channel.whenMemberAdded().listen((event) => print('here: ${event.data}'));
  channel.whenMemberRemoved().listen((event) => print('gone: ${event.data}'));
  return channel;
}

/// From client to client, without the backend.
void sendTyping(PresenceChannel channel, String conversationId, Map<String, String> user) {
  channel.trigger(
    eventName: 'client-UserIsTyping',
    data: {'conversation_id': conversationId, 'user': user},
  );
}

Future<void> main() async {
  final channel = conversation('1', 'token-of-the-user');
  // Also after each reconnect: the package does not subscribe again by itself.
  client.onConnectionEstablished.listen((_) => channel.subscribeIfNotUnsubscribed());
  unawaited(client.connect());
}
