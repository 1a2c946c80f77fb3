import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Writes what topics hold into files, by Kafka's own client: the tests' independent witness.
 *
 * <p>{@code Dump BOOTSTRAP DIRECTORY TOPIC...} reads every partition, committed records only, from
 * its beginning to the end it had at the start, and writes DIRECTORY/TOPIC, big-endian: for each
 * record the partition (i32), offset (i64), value, timestamp (i64, -1 for none), its type (i32: -1
 * none, 0 create, 1 append), key, how many headers (i32), and the name and the value of each. Bytes
 * are their length (i32, -1 for null) and then themselves.
 */
public class Dump {
  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", args[0]);
    properties.put("isolation.level", "read_committed");
    properties.put("enable.auto.commit", "false");
    properties.put("max.poll.records", "10000");
    properties.put("max.partition.fetch.bytes", "4194304");
    try (var consumer =
        new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      for (int i = 2; i < args.length; i++) {
        dump(consumer, args[i], Path.of(args[1], args[i]));
      }
    }
  }

  private static void dump(KafkaConsumer<byte[], byte[]> consumer, String topic, Path file)
      throws Exception {
    List<TopicPartition> partitions = new ArrayList<>();
    for (PartitionInfo info : consumer.partitionsFor(topic)) {
      partitions.add(new TopicPartition(topic, info.partition()));
    }
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
    // With read_committed these are the last stable offsets.
    Map<TopicPartition, Long> ends = new HashMap<>(consumer.endOffsets(partitions));
    Set<Integer> open = new TreeSet<>();
    try (var out =
        new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file), 1 << 20))) {
      while (true) {
        open.clear();
        for (TopicPartition partition : partitions) {
          if (consumer.position(partition) < ends.get(partition)) {
            open.add(partition.partition());
          }
        }
        if (open.isEmpty()) {
          return;
        }
        for (var record : consumer.poll(Duration.ofMillis(200))) {
          if (record.offset() >= ends.get(new TopicPartition(topic, record.partition()))) {
            continue;
          }
          out.writeInt(record.partition());
          out.writeLong(record.offset());
          write(out, record.value());
          out.writeLong(record.timestamp());
          out.writeInt(record.timestampType().id);
          write(out, record.key());
          Header[] headers = record.headers().toArray();
          out.writeInt(headers.length);
          for (Header header : headers) {
            write(out, header.key().getBytes(StandardCharsets.UTF_8));
            write(out, header.value());
          }
        }
      }
    }
  }

  private static void write(DataOutputStream out, byte[] bytes) throws IOException {
    out.writeInt(bytes == null ? -1 : bytes.length);
    if (bytes != null) {
      out.write(bytes);
    }
  }
}
